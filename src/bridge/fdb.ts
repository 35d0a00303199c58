/** A bridge's forwarding database, net/bridge/br_fdb.c: which port a station was last heard on. @module */
import { resized } from '../net/column.ts';
import type { Clock } from '../sim/clock.ts';
import { SECOND } from '../sim/clock.ts';
import { MacTable } from './mac-table.ts';

/** Bits of `flags`, BR_FDB_*. */
export const FDB_LOCAL = 1; // an address of the bridge or of a port: delivered up, never learned
export const FDB_STATIC = 2; // does not age
export const FDB_STICKY = 4; // does not move to another port
export const FDB_ADDED_BY_USER = 8;
export const FDB_ADDED_BY_EXT_LEARN = 16;
export const FDB_DYNAMIC_LEARNED = 32; // counts against `maxLearned`

const NOT_AGEING = FDB_STATIC | FDB_ADDED_BY_EXT_LEARN;

/** BR_DEFAULT_AGEING_TIME. */
export const DEFAULT_AGEING: number = 300 * SECOND;

/** Where a bridge saw each station last: address and VLAN to a port. */
export class Fdb extends MacTable {
  /** ifindex of the port; 0 is the bridge itself. */
  port: Int32Array = new Int32Array(this.high.length);
  flags: Uint8Array = new Uint8Array(this.high.length);
  /** Nanoseconds until a learned entry is forgotten; 0: nothing is learned. */
  ageing: number;
  /** Entries that may be learned (fdb_max_learned), 0: as many as memory holds. */
  maxLearned: number;
  private learned = 0;
  /** Before this time nothing ages. */
  private due = 0;

  constructor(clock: Clock, ageing: number = DEFAULT_AGEING, maxLearned = 0) {
    super(clock);
    this.ageing = ageing;
    this.maxLearned = maxLearned;
  }

  /** The row of a station, or -1. An entry that has aged is gone, as if br_fdb_cleanup had just run. */
  find(high: number, low: number, vlan: number): number {
    const row = this.lookup(high, low, vlan);
    if (row < 0 || !this.hasExpired(row)) return row;
    this.remove(row);
    return -1;
  }

  /** A frame from a station came in by a port: br_fdb_update. Runs per packet: no allocation but when the table grows. */
  update(port: number, high: number, low: number, vlan: number): void {
    if (this.ageing === 0) return;
    const row = this.find(high, low, vlan);
    if (row < 0) this.learn(port, high, low, vlan);
    else if ((this.flags[row]! & FDB_LOCAL) === 0) this.refresh(row, port);
  }

  /** Set an entry, as `bridge fdb replace` does: fdb_add_entry. @returns its row, or -1 when the table is full */
  set(port: number, high: number, low: number, vlan: number, flags: number): number {
    const old = this.find(high, low, vlan);
    const row = old < 0 ? this.insert(high, low, vlan) : old;
    if (row < 0) return -1;
    if (old >= 0) this.forgetLearned(row);
    this.port[row] = port;
    this.flags[row] = flags;
    this.updated[row] = this.clock.now;
    return row;
  }

  /** An address of a port or (port 0) of the bridge: fdb_add_local. The first to have it keeps it. */
  addLocal(port: number, high: number, low: number, vlan = 0): void {
    const row = this.find(high, low, vlan);
    if (row >= 0 && (this.flags[row]! & FDB_LOCAL) !== 0) return;
    this.set(port, high, low, vlan, FDB_LOCAL | FDB_STATIC);
  }

  /** An address of a port (or of the bridge) is in a VLAN no longer. */
  removeLocal(port: number, high: number, low: number, vlan: number): void {
    const row = this.find(high, low, vlan);
    if (row >= 0 && this.port[row] === port && (this.flags[row]! & FDB_LOCAL) !== 0) this.remove(row);
  }

  override remove(row: number): void {
    this.forgetLearned(row);
    super.remove(row);
  }

  purge(): void {
    this.due = this.clock.now + this.ageing;
    for (let row = 0; row < this.end; row++) {
      if (this.inUse[row] === 0 || (this.flags[row]! & NOT_AGEING) !== 0) continue;
      if (this.hasExpired(row)) this.remove(row);
      else this.due = Math.min(this.due, this.updated[row]! + this.ageing);
    }
  }

  protected override isPurgeDue(): boolean {
    return this.clock.now >= this.due;
  }

  protected override grow(rows: number): void {
    super.grow(rows);
    this.port = resized(this.port, rows);
    this.flags = resized(this.flags, rows);
  }

  private hasExpired(row: number): boolean {
    return (this.flags[row]! & NOT_AGEING) === 0 && this.updated[row]! + this.ageing <= this.clock.now;
  }

  private learn(port: number, high: number, low: number, vlan: number): void {
    if (this.maxLearned !== 0 && this.learned >= this.maxLearned && this.isPurgeDue()) this.purge();
    if (this.maxLearned !== 0 && this.learned >= this.maxLearned) return;
    const row = this.insert(high, low, vlan);
    if (row < 0) return;
    this.port[row] = port;
    this.flags[row] = FDB_DYNAMIC_LEARNED;
    this.learned++;
  }

  private refresh(row: number, port: number): void {
    this.updated[row] = this.clock.now;
    if (this.port[row] === port || (this.flags[row]! & FDB_STICKY) !== 0) return;
    this.port[row] = port;
    this.flags[row] = this.flags[row]! & ~FDB_ADDED_BY_EXT_LEARN;
  }

  private forgetLearned(row: number): void {
    if ((this.flags[row]! & FDB_DYNAMIC_LEARNED) !== 0) this.learned--;
    this.flags[row] = 0;
  }
}
