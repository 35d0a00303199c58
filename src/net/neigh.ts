/**
 * Neighbours: which MAC address an IP address has on a link, how sure that is, and the packets that wait to know.
 * net/core/neighbour.c with the arp_tbl of net/ipv4/arp.c; states and timers are the kernel's. neigh6.ts makes it the nd_tbl
 * of IPv6. @module
 */
import { format4 } from '../packet/address.ts';
import * as ethernet from '../packet/ethernet.ts';
import type { Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { MILLISECOND, SECOND, type Task, type TimerId } from '../sim/clock.ts';
import type { Device } from './device.ts';
import { ENOBUFS } from './errno.ts';
import * as conf from './neigh-conf.ts';
import { NeighTable } from './neigh-table.ts';
import type { Netns } from './netns.ts';
import { RTN_BROADCAST, RTN_MULTICAST } from './rtn.ts';
import { truesize } from './truesize.ts';

export const NUD_NONE = 0;
export const NUD_INCOMPLETE = 1;
export const NUD_REACHABLE = 2;
export const NUD_STALE = 4;
export const NUD_DELAY = 8;
export const NUD_PROBE = 16;
export const NUD_FAILED = 32;
export const NUD_NOARP = 64;
export const NUD_PERMANENT = 128;
const NUD_IN_TIMER = NUD_INCOMPLETE | NUD_REACHABLE | NUD_DELAY | NUD_PROBE;
export const NUD_CONNECTED: number = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE;
export const NUD_VALID: number = NUD_CONNECTED | NUD_PROBE | NUD_STALE | NUD_DELAY;

/** The states by their names in `ip neigh`. */
const STATES: Readonly<Record<string, number>> = {
  none: NUD_NONE,
  incomplete: NUD_INCOMPLETE,
  reachable: NUD_REACHABLE,
  stale: NUD_STALE,
  delay: NUD_DELAY,
  probe: NUD_PROBE,
  failed: NUD_FAILED,
  noarp: NUD_NOARP,
  permanent: NUD_PERMANENT,
};

const NEIGH_FAILED = reason('NEIGH_FAILED');
const NEIGH_QUEUEFULL = reason('NEIGH_QUEUEFULL');
const NEIGH_CREATEFAIL = reason('NEIGH_CREATEFAIL');
const SHORTEST_TIMER = 10 * MILLISECOND;
const FORCED_GC_AGE = 5 * SECOND;

/** Asks a link for an address, and is told of packets that nobody will answer for: struct neigh_ops. */
export interface Solicitor {
  /** @param pkt the newest packet that waits, or null */
  solicit(row: number, pkt: Packet | null): void;
  /** The neighbour did not answer; the packet dies after this call. */
  unreachable(pkt: Packet): void;
}

/** The IPv4 neighbours of one namespace. */
export class Neighbours {
  readonly table: NeighTable;
  readonly conf: conf.NeighConf;
  protected readonly ns: Netns;
  protected readonly proxies: Set<string> = new Set();
  private readonly timeout: Task = { run: (row) => this.onTimer(row) };
  private readonly periodic: Task = { run: () => this.collect() };
  private collector: TimerId = 0;
  private lastFlush = Number.NEGATIVE_INFINITY;
  private lastDraw = 0;
  solicitor: Solicitor | null = null;

  constructor(ns: Netns, prefix = 'net.ipv4.neigh', table: NeighTable = new NeighTable()) {
    this.ns = ns;
    this.table = table;
    this.conf = new conf.NeighConf(ns.sysctl, prefix);
  }

  // ---- what an administrator says

  /** `ip neigh replace`. @param state as `ip neigh` names it; @throws {RangeError} for a state that there is not */
  add(dev: Device, address: number, mac: Uint8Array, state = 'permanent'): void {
    const nud = STATES[state];
    if (nud === undefined) throw new RangeError(`unknown neighbour state ${state}`);
    const row = this.lookupOrCreate(dev, address);
    if (row < 0) throw new RangeError('No buffer space available');
    const [high, low] = [(mac[0]! << 8) | mac[1]!, (mac[2]! << 24) | (mac[3]! << 16) | (mac[4]! << 8) | mac[5]!];
    this.update(row, high, low, nud, true, true);
  }

  /** `ip neigh add proxy`: answer for an address on a device. */
  addProxy(dev: Device, address: number): void {
    this.proxies.add(`${dev.index} ${address}`);
  }

  /** pneigh_lookup. */
  isProxy(dev: Device, address: number): boolean {
    return this.proxies.size > 0 && this.proxies.has(`${dev.index} ${address}`);
  }

  /** `ip neigh`, without permanent entries: one line each, sorted. */
  list(): readonly string[] {
    const { table } = this;
    const lines: string[] = [];
    for (const row of table.rows()) {
      const state = table.state[row]!;
      if (state === NUD_NONE || (state & (NUD_PERMANENT | NUD_NOARP)) !== 0) continue;
      const name = Object.keys(STATES).find((key) => STATES[key] === state)!;
      const mac = (state & NUD_VALID) === 0 ? '' : ` lladdr ${table.mac(row)}`;
      const dev = this.ns.devices[table.device[row]!]!.name;
      lines.push(`${this.addressText(row)} dev ${dev}${mac} ${name.toUpperCase()}`);
    }
    return lines.sort();
  }

  protected addressText(row: number): string {
    return format4(this.table.address[row]!);
  }

  /** Forget a device's neighbours: neigh_ifdown. */
  deviceDown(dev: Device): void {
    for (const row of [...this.table.rows()]) if (this.table.device[row] === dev.index) this.remove(row);
  }

  // ---- lookup

  find(dev: Device, address: number): number {
    return this.table.find(dev.index, dev.loopback ? 0 : address);
  }

  /** @returns the entry, or -1 when the table is full and nothing in it may go */
  lookupOrCreate(dev: Device, address: number): number {
    const key = dev.loopback ? 0 : address;
    const known = this.table.find(dev.index, key);
    return known >= 0 ? known : this.create(dev, key);
  }

  private create(dev: Device, address: number): number {
    const { table, ns } = this;
    if (!this.hasRoom()) return -1;
    const row = table.insert(dev.index, address);
    const now = ns.clock.now;
    table.updated[row] = table.used[row] = now;
    table.confirmed[row] = now - 2 * this.reachableTime(dev);
    this.construct(row, dev, address);
    if (this.collector === 0) this.collector = ns.timers.after(this.collectionTime(), this.periodic);
    return row;
  }

  /** arp_constructor: some addresses need no asking. */
  protected construct(row: number, dev: Device, address: number): void {
    const { table, ns } = this;
    const type = ns.fib.addressType(address);
    if (type === RTN_MULTICAST) table.setMac(row, 0x0100, 0x5e000000 | (address & 0x7fffff));
    else if (dev.noArp || dev.loopback) table.setMac(row, dev.macHigh, dev.macLow);
    else if (type === RTN_BROADCAST) table.setMac(row, 0xffff, -1);
    else return;
    table.state[row] = NUD_NOARP;
  }

  // ---- output

  /**
   * Send a packet (`pkt.data` at the network header) to a neighbour: neigh_output. It waits when the MAC is not known.
   * @returns 0 or a negative errno; the packet is gone either way. Runs per packet: no allocation on the connected path.
   */
  output(dev: Device, address: number, pkt: Packet): number {
    const { table } = this;
    const row = this.lookupOrCreate(dev, address);
    if (row < 0) {
      this.ns.drop(pkt, NEIGH_CREATEFAIL);
      return -ENOBUFS;
    }
    if ((table.state[row]! & NUD_CONNECTED) === 0 && !this.event(row, pkt)) return 0;
    this.transmit(row, dev, pkt);
    return 0;
  }

  private transmit(row: number, dev: Device, pkt: Packet): void {
    const { table } = this;
    if (!pkt.push(ethernet.HEADER_LEN)) {
      this.ns.drop(pkt, 0);
      return;
    }
    const { view, data } = pkt;
    ethernet.setDst(view, data, table.macHigh[row]!, table.macLow[row]!);
    ethernet.setSrc(view, data, dev.macHigh, dev.macLow);
    ethernet.setType(view, data, pkt.protocol);
    this.ns.transmit(pkt, dev);
  }

  /** neigh_event_send. @returns whether the packet may be sent now; if not, it is queued */
  private event(row: number, pkt: Packet): boolean {
    const { table, ns } = this;
    table.used[row] = ns.clock.now;
    const state = table.state[row]!;
    if ((state & (NUD_CONNECTED | NUD_DELAY | NUD_PROBE)) !== 0) return true;
    const dev = ns.devices[table.device[row]!]!;
    if (state === NUD_STALE) {
      this.setState(row, NUD_DELAY);
      this.setTimer(row, this.conf.delayProbe(dev));
      return true;
    }
    const first = state !== NUD_INCOMPLETE;
    if (first) {
      table.probes[row] = this.conf.get(dev, conf.UCAST_SOLICIT);
      this.setState(row, NUD_INCOMPLETE);
      this.setTimer(row, Math.max(this.conf.retrans(dev), SHORTEST_TIMER));
    }
    this.enqueue(row, pkt, this.conf.get(dev, conf.UNRES_QLEN_BYTES));
    if (first) this.probe(row);
    return false;
  }

  private enqueue(row: number, pkt: Packet, limit: number): void {
    const { table } = this;
    const size = truesize(pkt);
    while (table.queuedBytes[row]! + size > limit && table.queueLength(row) > 0) {
      this.ns.drop(this.dequeue(row), NEIGH_QUEUEFULL);
    }
    table.enqueue(row, pkt);
    table.queuedBytes[row]! += size;
  }

  private dequeue(row: number): Packet {
    const pkt = this.table.dequeue(row);
    this.table.queuedBytes[row]! -= truesize(pkt);
    return pkt;
  }

  private probe(row: number): void {
    this.solicitor!.solicit(row, this.table.newest(row));
    this.table.probes[row]!++;
  }

  // ---- what is learnt

  /**
   * neigh_update: someone said that the neighbour has this MAC.
   * @param override a MAC that differs from the one known is believed
   * @param admin the administrator said it
   * @param weak a MAC that differs and is not believed makes a sure entry doubtful (NEIGH_UPDATE_F_WEAK_OVERRIDE)
   */
  update(row: number, high: number, low: number, wanted: number, override: boolean, admin = false, weak = false): void {
    const { table, ns } = this;
    let [macHigh, macLow] = [high, low];
    const old = table.state[row]!;
    const now = ns.clock.now;
    if (!admin && (old & (NUD_NOARP | NUD_PERMANENT)) !== 0) return;
    if ((wanted & NUD_VALID) === 0) {
      this.invalidate(row, wanted);
      return;
    }
    let same = (old & NUD_VALID) !== 0 && table.hasMac(row, macHigh, macLow);
    if ((wanted & NUD_CONNECTED) !== 0) table.confirmed[row] = now;
    let state = wanted;
    if ((old & NUD_VALID) !== 0) {
      if (!same && !override) {
        if (!weak || (old & NUD_CONNECTED) === 0) return;
        macHigh = table.macHigh[row]!;
        macLow = table.macLow[row]!;
        same = true;
        state = NUD_STALE;
      } else if (same && wanted === NUD_STALE && !admin) state = old;
    }
    if (state !== old || !same) table.updated[row] = now;
    if (state !== old) {
      this.cancelTimer(row);
      if (state === NUD_PROBE) table.probes[row] = 0;
      table.state[row] = state;
      if ((state & NUD_IN_TIMER) !== 0) {
        const dev = ns.devices[table.device[row]!]!;
        this.setTimer(row, state === NUD_REACHABLE ? this.reachableTime(dev) : 0);
      }
    }
    if (!same) {
      table.setMac(row, macHigh, macLow);
      if ((state & NUD_CONNECTED) === 0) {
        const dev = ns.devices[table.device[row]!]!;
        table.confirmed[row] = now - 2 * this.conf.get(dev, conf.BASE_REACHABLE_TIME_MS) * MILLISECOND;
      }
    }
    if ((old & NUD_VALID) === 0) this.releaseQueue(row);
  }

  private releaseQueue(row: number): void {
    const { table, ns } = this;
    while ((table.state[row]! & NUD_VALID) !== 0 && table.queueLength(row) > 0) {
      const pkt = this.dequeue(row);
      const dev = ns.devices[table.device[row]!]!;
      if ((table.state[row]! & NUD_CONNECTED) !== 0 || this.event(row, pkt)) this.transmit(row, dev, pkt);
    }
  }

  private invalidate(row: number, state: number): void {
    const old = this.table.state[row]!;
    this.cancelTimer(row);
    this.table.state[row] = state;
    if ((old & (NUD_INCOMPLETE | NUD_PROBE)) !== 0 && state === NUD_FAILED) this.fail(row);
  }

  /** neigh_invalidate: tell each packet's sender, in order. */
  private fail(row: number): void {
    const { table, ns } = this;
    table.updated[row] = ns.clock.now;
    // Telling may make the neighbour be asked again.
    while (table.state[row] === NUD_FAILED && table.queueLength(row) > 0) {
      const pkt = this.dequeue(row);
      this.solicitor!.unreachable(pkt);
      ns.drop(pkt, NEIGH_FAILED);
    }
  }

  // ---- time

  /** neigh_timer_handler. */
  private onTimer(row: number): void {
    const { table, ns } = this;
    table.timer[row] = 0;
    const now = ns.clock.now;
    const dev = ns.devices[table.device[row]!]!;
    let next = now + SECOND;
    switch (table.state[row]) {
      case NUD_REACHABLE:
        next = this.ageReachable(row, dev, now);
        break;
      case NUD_DELAY:
        // An answer confirms it even when its MAC is not believed (locktime).
        if (now <= table.confirmed[row]! + this.conf.delayProbe(dev)) {
          this.setState(row, NUD_REACHABLE);
          next = table.confirmed[row]! + this.reachableTime(dev);
        } else {
          this.setState(row, NUD_PROBE);
          table.probes[row] = 0;
          next = now + Math.max(this.conf.retrans(dev), SHORTEST_TIMER);
        }
        break;
      case NUD_PROBE:
      case NUD_INCOMPLETE:
        next = now + Math.max(this.conf.retrans(dev), SHORTEST_TIMER);
        break;
      default:
        return;
    }
    const asking = (table.state[row]! & (NUD_INCOMPLETE | NUD_PROBE)) !== 0;
    if (asking && table.probes[row]! >= this.conf.maxProbes(dev, table.state[row] === NUD_PROBE)) {
      this.setState(row, NUD_FAILED);
      this.fail(row);
      return;
    }
    if ((table.state[row]! & NUD_IN_TIMER) !== 0) this.setTimer(row, Math.max(next - now, SHORTEST_TIMER));
    if (asking) this.probe(row);
  }

  private ageReachable(row: number, dev: Device, now: number): number {
    const { table } = this;
    const sure = table.confirmed[row]! + this.reachableTime(dev);
    if (now <= sure) return sure;
    if (now <= table.used[row]! + this.conf.delayProbe(dev)) {
      this.setState(row, NUD_DELAY);
      return now + this.conf.delayProbe(dev);
    }
    this.setState(row, NUD_STALE);
    return now;
  }

  private setState(row: number, state: number): void {
    this.cancelTimer(row);
    this.table.state[row] = state;
    this.table.updated[row] = this.ns.clock.now;
  }

  private setTimer(row: number, delay: number): void {
    this.cancelTimer(row);
    this.table.timer[row] = this.ns.timers.after(delay, this.timeout, row);
  }

  private cancelTimer(row: number): void {
    const timer = this.table.timer[row]!;
    if (timer !== 0) this.ns.timers.cancel(timer);
    this.table.timer[row] = 0;
  }

  private reachableTime(dev: Device): number {
    return this.conf.reachableTime(dev, this.ns.random);
  }

  // ---- limits

  /** neigh_alloc: above gc_thresh2 (or 3) entries must go first. */
  private hasRoom(): boolean {
    const { table, conf: limits } = this;
    const { now } = this.ns.clock;
    const full = table.count >= limits.gcThresh3;
    if (!full && (table.count < limits.gcThresh2 || now <= this.lastFlush + FORCED_GC_AGE)) return true;
    return this.forcedCollection(now) || !full;
  }

  /** neigh_forced_gc: entries that failed, or that did not change for five seconds, and that nobody waits for. */
  private forcedCollection(now: number): boolean {
    const { table } = this;
    let excess = table.count - this.conf.gcThresh2;
    let removed = false;
    this.lastFlush = now;
    for (const row of [...table.rows()]) {
      if (excess <= 0) break;
      const state = table.state[row]!;
      if (state === NUD_PERMANENT || table.queueLength(row) > 0 || table.timer[row] !== 0) continue;
      const old = now - table.updated[row]! > FORCED_GC_AGE;
      if (state !== NUD_FAILED && state !== NUD_NOARP && !old) continue;
      this.remove(row);
      removed = true;
      excess--;
    }
    return removed;
  }

  private collectionTime(): number {
    return (this.conf.baseReachable() * MILLISECOND) / 2;
  }

  /** neigh_periodic_work: with more than gc_thresh1 entries, those unused for gc_stale_time go. */
  private collect(): void {
    const { table, ns } = this;
    this.collector = 0;
    if (ns.clock.now > this.lastDraw + conf.DRAW_AGAIN) {
      this.lastDraw = ns.clock.now;
      this.conf.redraw();
    }
    if (table.count >= this.conf.gcThresh1) {
      for (const row of [...table.rows()]) {
        const state = table.state[row]!;
        if ((state & (NUD_PERMANENT | NUD_IN_TIMER)) !== 0 || table.queueLength(row) > 0) continue;
        const dev = ns.devices[table.device[row]!]!;
        const stale = this.conf.get(dev, conf.GC_STALE_TIME) * SECOND;
        const used = Math.max(table.used[row]!, table.confirmed[row]!);
        if (state === NUD_FAILED || ns.clock.now - used > stale) this.remove(row);
      }
    }
    if (table.count > 0) this.collector = ns.timers.after(this.collectionTime(), this.periodic);
  }

  private remove(row: number): void {
    this.cancelTimer(row);
    while (this.table.queueLength(row) > 0) this.ns.drop(this.dequeue(row), NEIGH_FAILED);
    this.table.remove(row);
  }
}
