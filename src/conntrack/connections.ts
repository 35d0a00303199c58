/**
 * The connections of a namespace and their life: found, made, confirmed, aged, killed. The half of
 * net/netfilter/nf_conntrack_core.c that knows no packet's headers; trackers and NAT work on it. @module
 */
import type { Netns } from '../net/netns.ts';
import { TCP } from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import { SECOND, type Task } from '../sim/clock.ts';
import { Settings } from './settings.ts';
import {
  direction,
  EVENT_SHIFT,
  IP_CT_RELATED,
  IP_CT_RELATED_REPLY,
  IPCT_ASSURED,
  IPCT_DESTROY,
  IPCT_PROTOINFO,
  IPS_ACCOUNTED,
  IPS_ASSURED,
  IPS_CONFIRMED,
  IPS_FIXED_TIMEOUT,
  IPS_SRC_NAT_DONE,
  ORIGINAL,
  REPLY,
} from './status.ts';
import { ConntrackTable } from './table.ts';
import { CLOSE } from './tcp-state.ts';
import { Tuple } from './tuple.ts';

/** Buckets looked at for a connection to drop when the table is full: NF_CT_EVICTION_RANGE. */
const EVICTION_RANGE = 8;
/** How often what has expired is swept out, GC_SCAN_INTERVAL_MAX. */
const SWEEP_INTERVAL = 60 * SECOND;

const EVENTS = -1 << EVENT_SHIFT;

/** Counters of /proc/net/stat/nf_conntrack. */
export interface ConntrackStats {
  invalid: number;
  insertFailed: number;
  drop: number;
  earlyDrop: number;
  error: number;
  clashResolve: number;
}

/** Told of what happens to connections: `events` are IPCT_* bits; the row is readable during the call. */
export type EventObserver = (events: number, ct: number) => void;

/** The connections of one namespace: found, made, timed, forgotten. */
export class Connections implements Task {
  readonly ns: Netns;
  readonly table: ConntrackTable = new ConntrackTable();
  readonly settings: Settings;
  readonly stats: ConntrackStats = {
    invalid: 0,
    insertFailed: 0,
    drop: 0,
    earlyDrop: 0,
    error: 0,
    clashResolve: 0,
  };
  /** `conntrack -E`; null costs one comparison. */
  onEvent: EventObserver | null = null;
  /**
   * Told why a packet is INVALID when nf_conntrack_log_invalid asks for it: `prefix` is what the log line has before the
   * packet (`nf_ct_proto_6: invalid rst `), `hook` is where the packet was.
   */
  onInvalid: ((pkt: Packet, prefix: string, hook: number) => void) | null = null;

  /**
   * Rows out of the hash that a packet may still hold: not confirmed yet, or killed. The row is free once its packet has
   * died, gone elsewhere, or let it go; that is looked up when the next one is needed, so nobody must tell.
   */
  private readonly heldRows: number[] = [];
  private readonly holders: Packet[] = [];
  private readonly holderIds: number[] = [];
  /** When each row was taken, as {@link Backlog.round} counts: copies of its packet are under way no longer than that. */
  private readonly holderRounds: number[] = [];
  private sweeping = false;
  private readonly inverse = new Tuple();

  constructor(ns: Netns) {
    this.ns = ns;
    this.settings = new Settings(ns.sysctl);
  }

  /** Connections in being, those of packets under way included: nf_conntrack_count. */
  get count(): number {
    this.reclaim();
    return this.table.count;
  }

  /** Should it be said why a packet of this protocol is invalid? */
  logs(protocol: number): boolean {
    const { logInvalid } = this.settings;
    return logInvalid !== 0 && this.onInvalid !== null && (logInvalid === 255 || logInvalid === protocol);
  }

  /** Say it; only after {@link logs} said yes. */
  logInvalid(pkt: Packet, protocol: number, hook: number, message: string): void {
    this.onInvalid?.(pkt, `nf_ct_proto_${protocol}: ${message} `, hook);
  }

  isExpired(ct: number): boolean {
    return this.table.timeout[ct]! <= this.ns.clock.now;
  }

  /** Nanoseconds that a connection has left: 0 when it is over, or not confirmed yet. nf_ct_expires. */
  expires(ct: number): number {
    if (!this.table.isConfirmed(ct)) return 0;
    return Math.max(0, this.table.timeout[ct]! - this.ns.clock.now);
  }

  /**
   * The entry (row << 1 | direction) of a tuple in a zone, or -1; expired connections that lie on the way are removed.
   * Runs per packet: no allocation.
   */
  find(tuple: Tuple, zone: number, zoneDir: number): number {
    const original = (zoneDir & (1 << ORIGINAL)) !== 0 ? zone : 0;
    const reply = (zoneDir & (1 << REPLY)) !== 0 ? zone : 0;
    const e = this.findHashed(tuple, original, original, reply);
    return e >= 0 || original === reply ? e : this.findHashed(tuple, reply, original, reply);
  }

  private findHashed(tuple: Tuple, hashed: number, original: number, reply: number): number {
    const { table } = this;
    let e = table.first(table.hash(tuple, hashed));
    while (e >= 0) {
      e = table.match(e, tuple, original, reply);
      if (e < 0 || !this.isExpired(e >>> 1)) return e;
      const next = table.after(e);
      this.kill(e >>> 1, null);
      e = next;
    }
    return -1;
  }

  /**
   * Does another connection than `ct` have this tuple, in `ct`'s zone? One with the same original tuple is the same flow
   * and does not count. nf_conntrack_tuple_taken.
   */
  isTaken(tuple: Tuple, ct: number): boolean {
    const { table } = this;
    const original = table.zoneId(ct, ORIGINAL);
    const reply = table.zoneId(ct, REPLY);
    let e = table.first(table.hash(tuple, reply));
    while (e >= 0) {
      e = table.match(e, tuple, original, reply);
      if (e < 0) return false;
      const next = table.after(e);
      if (this.isExpired(e >>> 1)) this.kill(e >>> 1, null);
      else if (e >>> 1 !== ct && !this.sameFlow(e >>> 1, ct)) return true;
      e = next;
    }
    return false;
  }

  private sameFlow(a: number, b: number): boolean {
    const { table } = this;
    table.getTuple(b, ORIGINAL, this.inverse);
    return table.tupleEquals(a, ORIGINAL, this.inverse) && table.zoneId(a, ORIGINAL) === table.zoneId(b, ORIGINAL);
  }

  /** A row for a new connection, held by `pkt`, or -1 when the table is full and nothing near may go. __nf_conntrack_alloc. */
  create(pkt: Packet, original: Tuple, reply: Tuple, zone: number, zoneDir: number): number {
    const { table, settings } = this;
    this.reclaim();
    if (settings.max > 0 && table.count + 1 > settings.max && !this.makeRoom(table.hash(original, zone))) return -1;
    const ct = table.allocate(original, reply, zone, zoneDir);
    if (settings.acct) table.status[ct]! |= IPS_ACCOUNTED;
    this.hold(ct, pkt);
    return ct;
  }

  private hold(ct: number, pkt: Packet): void {
    this.heldRows.push(ct);
    this.holders.push(pkt);
    this.holderIds.push(pkt.id);
    this.holderRounds.push(this.ns.world.backlog.round);
  }

  /** An answer that is made to a packet belongs to its connection, and now holds it. nf_conntrack_attach. */
  attach(answer: Packet, pkt: Packet): void {
    const { ct } = pkt;
    if (ct < 0) return;
    answer.ct = ct;
    answer.ctInfo = direction(pkt.ctInfo) === ORIGINAL ? IP_CT_RELATED_REPLY : IP_CT_RELATED;
    const i = this.heldRows.lastIndexOf(ct);
    if (i < 0) return;
    this.holders[i] = answer;
    this.holderIds[i] = answer.id;
  }

  /** This host ends a TCP connection with a RST: do not wait for its peers to say so. nf_conntrack_tcp_set_closing. */
  setClosing(pkt: Packet): void {
    const { table } = this;
    const { ct } = pkt;
    if (ct < 0 || table.protocol[ct] !== TCP || !table.isConfirmed(ct)) return;
    const old = table.state[ct]!;
    table.state[ct] = CLOSE;
    if (old === CLOSE || (table.status[ct]! & IPS_FIXED_TIMEOUT) !== 0) return;
    table.timeout[ct] = this.ns.clock.now + this.settings.tcp[CLOSE]! * SECOND;
    this.event(ct, IPCT_PROTOINFO);
  }

  /** Free the rows whose packets are gone; forget those that are in the hash by now. */
  private reclaim(): void {
    const { round } = this.ns.world.backlog;
    for (let i = this.heldRows.length - 1; i >= 0; i--) {
      const ct = this.heldRows[i]!;
      const pkt = this.holders[i]!;
      if (!this.table.isHashed(ct)) {
        if (pkt.ct === ct && pkt.id === this.holderIds[i] && pkt.data >= 0) continue;
        // A bridge may have copied the packet; the copy has the connection still.
        if (round !== 0 && this.holderRounds[i] === round) continue;
        this.free(ct);
      }
      const last = this.heldRows.length - 1;
      this.heldRows[i] = this.heldRows[last]!;
      this.holders[i] = this.holders[last]!;
      this.holderIds[i] = this.holderIds[last]!;
      this.holderRounds[i] = this.holderRounds[last]!;
      this.heldRows.pop();
      this.holders.pop();
      this.holderIds.pop();
      this.holderRounds.pop();
    }
  }

  private free(ct: number): void {
    const { table } = this;
    if ((table.status[ct]! & IPS_SRC_NAT_DONE) !== 0) table.removeBySource(ct);
    this.releaseState(ct);
    table.free(ct);
  }

  /** Overridden by who knows which protocols have a slot of tracker state. */
  protected releaseState(_ct: number): void {}

  /** Sweep, or else early_drop: connections that are not ASSURED in the kernel's eight buckets from `hash` on. */
  private makeRoom(hash: number): boolean {
    this.sweep();
    if (this.table.count + 1 <= this.settings.max) return true;
    const size = this.settings.buckets;
    const first = Math.floor(((hash >>> 0) / 2 ** 32) * size);
    for (let i = 0; i < EVICTION_RANGE; i++) {
      const dropped = this.dropBucket((first + i) % size, size);
      this.stats.earlyDrop += dropped;
      if (dropped > 0) return true;
    }
    return false;
  }

  private dropBucket(bucket: number, size: number): number {
    const { table } = this;
    const width = 2 ** 32 / size;
    let dropped = 0;
    for (let hash = Math.ceil(bucket * width); hash < (bucket + 1) * width; hash += table.bucketWidth) {
      let e = table.first(hash);
      while (e >= 0) {
        const next = table.after(e);
        const near = Math.floor((table.hashOf(e) >>> 0) / width) === bucket;
        if (near && (table.status[e >>> 1]! & IPS_ASSURED) === 0) {
          this.kill(e >>> 1, null);
          dropped++;
        }
        e = next;
      }
    }
    return dropped;
  }

  /** Hash a row; its timeout runs from now. */
  insert(ct: number): void {
    const { table } = this;
    table.timeout[ct]! += this.ns.clock.now;
    table.insert(ct);
    this.keepSweeping();
  }

  /** Hash it in the reply direction only, for one second: the loser of a clash. */
  insertReply(ct: number): void {
    this.table.timeout[ct] = this.ns.clock.now + SECOND;
    this.table.insertReply(ct);
    this.keepSweeping();
  }

  /** Take a connection out of being; `pkt`, or null, is the packet that goes on to use it. nf_ct_kill. */
  kill(ct: number, pkt: Packet | null): void {
    this.reclaim();
    if (!this.table.isHashed(ct)) return;
    if (this.onEvent !== null) this.onEvent(IPCT_DESTROY, ct);
    this.table.remove(ct);
    if (pkt === null) this.free(ct);
    else this.hold(ct, pkt);
  }

  /** Count the packet, and let the connection live `seconds` from now. nf_ct_refresh_acct. */
  refresh(ct: number, ctInfo: number, pkt: Packet, seconds: number): void {
    const { table } = this;
    const status = table.status[ct]!;
    if ((status & IPS_FIXED_TIMEOUT) === 0) {
      const begins = (status & IPS_CONFIRMED) !== 0 ? this.ns.clock.now : 0;
      table.timeout[ct] = begins + seconds * SECOND;
    }
    this.account(ct, ctInfo, pkt);
  }

  /** Count the packet. nf_ct_acct_update. */
  account(ct: number, ctInfo: number, pkt: Packet): void {
    const { table } = this;
    if ((table.status[ct]! & IPS_ACCOUNTED) === 0) return;
    const e = 2 * ct + direction(ctInfo);
    table.packets[e]!++;
    table.bytes[e]! += pkt.end - pkt.l3;
  }

  /** Note an event (IPCT_*) to be told when the packet has passed. nf_conntrack_event_cache. */
  event(ct: number, bits: number): void {
    if (this.onEvent !== null) this.table.status[ct]! |= bits << EVENT_SHIFT;
  }

  /** The flow is in use both ways: it is not dropped early when the table is full. */
  assure(ct: number): void {
    this.table.status[ct]! |= IPS_ASSURED;
    this.event(ct, IPCT_ASSURED);
  }

  /** Tell the noted events of a connection. nf_ct_deliver_cached_events. */
  protected deliver(ct: number): void {
    const { table } = this;
    const bits = table.status[ct]! >>> EVENT_SHIFT;
    table.status[ct]! &= ~EVENTS;
    if (bits !== 0 && table.isHashed(ct)) this.onEvent?.(bits, ct);
  }

  /** Kill every connection that `chosen` says, as an address that goes away does for MASQUERADE. nf_ct_iterate_cleanup. */
  flush(chosen: (ct: number) => boolean = () => true): void {
    for (let ct = 0; ct < this.table.rows; ct++) {
      if (this.table.isHashed(ct) && chosen(ct)) this.kill(ct, null);
    }
  }

  private sweep(): void {
    for (let ct = 0; ct < this.table.rows; ct++) {
      if (this.table.isHashed(ct) && this.isExpired(ct)) this.kill(ct, null);
    }
  }

  private keepSweeping(): void {
    if (this.sweeping) return;
    this.sweeping = true;
    this.ns.clock.after(SWEEP_INTERVAL, this);
  }

  /** The sweep's timer. gc_worker. */
  run(): void {
    this.sweeping = false;
    this.sweep();
    if (this.table.count > 0) this.keepSweeping();
  }
}
