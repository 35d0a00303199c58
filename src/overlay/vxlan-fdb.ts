/** A VXLAN device's forwarding database: behind which tunnel endpoints a station is, drivers/net/vxlan/vxlan_core.c. @module */

import { MacTable } from '../bridge/mac-table.ts';
import { resized } from '../net/column.ts';
import type { Clock } from '../sim/clock.ts';
import { SECOND } from '../sim/clock.ts';

/** Bits of `state`, NUD_*. */
export const NUD_REACHABLE = 2;
export const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;
const NOT_AGEING = NUD_NOARP | NUD_PERMANENT;

/** FDB_AGE_DEFAULT, and FDB_AGE_INTERVAL: how often the table is looked through. */
export const DEFAULT_AGEING: number = 300 * SECOND;
const SCAN_INTERVAL = 10 * SECOND;

const FIRST_REMOTES = 64;

/** Where a station is: one line of `bridge fdb`. */
export interface Remote {
  /** IPv4 address, int32; 0: none. */
  readonly address: number;
  /** UDP port. */
  readonly port: number;
  readonly vni: number;
  /** ifindex of the device that the outer packet must leave by, 0 for any. */
  readonly ifindex: number;
}

/** How an entry is written: netlink's NLM_F_REPLACE, NLM_F_APPEND, NLM_F_EXCL. */
export type FdbMode = 'replace' | 'append' | 'add';

/** Which remote VTEP has each station. */
export class VxlanFdb extends MacTable {
  /** NUD_* bits. */
  state: Uint8Array = new Uint8Array(this.high.length);
  /** First of the row's remotes, in the order in which they were added. */
  first: Int32Array = new Int32Array(this.high.length);
  /** Columns of the remotes; `next` ends with -1. */
  address: Int32Array = new Int32Array(FIRST_REMOTES);
  port: Uint16Array = new Uint16Array(FIRST_REMOTES);
  vni: Int32Array = new Int32Array(FIRST_REMOTES);
  ifindex: Int32Array = new Int32Array(FIRST_REMOTES);
  next: Int32Array = new Int32Array(FIRST_REMOTES);
  /** Nanoseconds until a learned entry is forgotten. */
  readonly ageing: number;
  /** Entries at most, 0: as many as memory holds. */
  readonly maxAddresses: number;
  private remotes = 0;
  private readonly freeRemotes: number[] = [];
  private nextScan: number;

  constructor(clock: Clock, ageing: number = DEFAULT_AGEING, maxAddresses = 0) {
    super(clock);
    this.ageing = ageing;
    this.maxAddresses = maxAddresses;
    this.nextScan = clock.now + SCAN_INTERVAL;
  }

  /** The row of a station, or -1. Runs per packet: no allocation. */
  find(high: number, low: number, domain: number): number {
    if (this.isPurgeDue()) this.purge();
    return this.lookup(high, low, domain);
  }

  /**
   * Write an entry as `bridge fdb` does: vxlan_fdb_update.
   * @throws {RangeError} where the kernel refuses: `add` of what is there, `replace` of a group's or the flood list's entry
   */
  set(high: number, low: number, domain: number, to: Remote, state: number, mode: FdbMode): void {
    const group = (high & 0x0100) !== 0 || (high === 0 && low === 0);
    if (mode === 'replace' && group) throw new RangeError('cannot replace entries that are not unicast');
    const row = this.find(high, low, domain);
    if (row < 0) {
      if (this.create(high, low, domain, to, state) < 0) throw new RangeError('the forwarding database is full');
      return;
    }
    if (mode === 'add') throw new RangeError('there is such an entry already');
    if (this.state[row] !== state) this.updated[row] = this.clock.now;
    this.state[row] = state;
    if (this.findRemote(row, to) >= 0) return;
    if (mode === 'replace') this.write(this.first[row]!, to);
    else if (group) this.append(row, to);
  }

  /** A new entry with one remote. @returns its row, or -1 when there is no room */
  create(high: number, low: number, domain: number, to: Remote, state: number): number {
    const row = this.claim(high, low, domain, state);
    if (row >= 0) this.write(this.first[row]!, to);
    return row;
  }

  /** A station that nobody knew was heard. Runs per packet: no allocation but when the table grows. */
  learn(high: number, low: number, domain: number, address: number, port: number, vni: number): void {
    const row = this.claim(high, low, domain, NUD_REACHABLE);
    if (row < 0) return;
    const remote = this.first[row]!;
    this.address[remote] = address;
    this.port[remote] = port;
    this.vni[remote] = vni;
    this.ifindex[remote] = 0;
  }

  /** A known station was heard from an endpoint, and may have moved. @returns false when it must not */
  refresh(row: number, address: number): boolean {
    this.updated[row] = this.clock.now;
    const remote = this.first[row]!;
    if (this.address[remote] === address && this.ifindex[remote] === 0) return true;
    if (this.isStatic(row)) return false;
    this.address[remote] = address;
    return true;
  }

  /** Does it never age or move? */
  isStatic(row: number): boolean {
    return (this.state[row]! & NOT_AGEING) !== 0;
  }

  override remove(row: number): void {
    for (let i = this.first[row]!; i >= 0; i = this.next[i]!) this.freeRemotes.push(i);
    super.remove(row);
  }

  /**
   * Look through the table as often as vxlan_cleanup's timer would have: every ten seconds, or when the first entry is due.
   * Nobody looks at an entry's age in between.
   */
  purge(): void {
    const { now } = this.clock;
    while (this.nextScan <= now) {
      const scan = this.nextScan;
      const due = this.scan(scan);
      // With nothing to wait for, skip the scans that would find nothing.
      const idle = due === Number.POSITIVE_INFINITY ? Math.floor((now - scan) / SCAN_INTERVAL) * SCAN_INTERVAL : 0;
      this.nextScan = Math.min(scan + idle + SCAN_INTERVAL, due);
    }
  }

  protected override isPurgeDue(): boolean {
    return this.clock.now >= this.nextScan;
  }

  protected override grow(rows: number): void {
    super.grow(rows);
    this.state = resized(this.state, rows);
    this.first = resized(this.first, rows);
  }

  /** Remove what is due at `time`; @returns when the next entry is due, or Infinity */
  private scan(time: number): number {
    let due = Number.POSITIVE_INFINITY;
    for (let row = 0; row < this.end; row++) {
      if (this.inUse[row] === 0 || this.isStatic(row)) continue;
      const timeout = this.updated[row]! + this.ageing;
      if (timeout <= time) this.remove(row);
      else due = Math.min(due, timeout);
    }
    return due;
  }

  private claim(high: number, low: number, domain: number, state: number): number {
    if (this.isPurgeDue()) this.purge();
    if (this.maxAddresses !== 0 && this.size >= this.maxAddresses) return -1;
    const row = this.insert(high, low, domain);
    if (row < 0) return -1;
    this.state[row] = state;
    this.first[row] = this.takeRemote();
    return row;
  }

  private findRemote(row: number, to: Remote): number {
    let i = this.first[row]!;
    while (i >= 0 && !this.isRemote(i, to)) i = this.next[i]!;
    return i;
  }

  private isRemote(i: number, to: Remote): boolean {
    return (
      this.address[i] === to.address &&
      this.port[i] === to.port &&
      this.vni[i] === to.vni &&
      this.ifindex[i] === to.ifindex
    );
  }

  private append(row: number, to: Remote): void {
    const added = this.takeRemote();
    this.write(added, to);
    let last = this.first[row]!;
    while (this.next[last]! >= 0) last = this.next[last]!;
    this.next[last] = added;
  }

  private write(i: number, to: Remote): void {
    this.address[i] = to.address;
    this.port[i] = to.port;
    this.vni[i] = to.vni;
    this.ifindex[i] = to.ifindex;
  }

  private takeRemote(): number {
    const i = this.freeRemotes.pop() ?? this.remotes++;
    if (i >= this.next.length) {
      const room = 2 * this.next.length;
      this.address = resized(this.address, room);
      this.port = resized(this.port, room);
      this.vni = resized(this.vni, room);
      this.ifindex = resized(this.ifindex, room);
      this.next = resized(this.next, room);
    }
    this.next[i] = -1;
    return i;
  }
}
