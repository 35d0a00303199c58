/**
 * A table keyed by MAC address and VLAN (or VNI): open addressing over typed-array columns, the common part of a bridge's and a
 * VXLAN device's forwarding database (rhashtable in net/bridge/br_fdb.c and drivers/net/vxlan/vxlan_core.c). @module
 */
import { resized } from '../net/column.ts';
import type { Clock } from '../sim/clock.ts';

const FIRST_ROWS = 64;
/** Rows that a table never grows beyond: where kmalloc would fail. */
const MAX_ROWS = 2 ** 20;

/** Slots are twice the rows, so that a probe is short. */
const hash = (high: number, low: number, domain: number): number => {
  let h = Math.imul(low ^ (high << 11) ^ (domain << 3), 0x9e3779b1);
  h ^= h >>> 15;
  h = Math.imul(h, 0x85ebca77);
  return h ^ (h >>> 13);
};

/** A row keeps its number until it is removed; rows of no use have `inUse` 0. */
export abstract class MacTable {
  /** First two bytes of the address, and the last four as int32. */
  high: Uint16Array = new Uint16Array(FIRST_ROWS);
  low: Int32Array = new Int32Array(FIRST_ROWS);
  /** VLAN of a bridge; VNI of a VXLAN device whose frames bring their own. */
  domain: Int32Array = new Int32Array(FIRST_ROWS);
  inUse: Uint8Array = new Uint8Array(FIRST_ROWS);
  /** When it was last heard of, in nanoseconds of the clock. */
  updated: Float64Array = new Float64Array(FIRST_ROWS);
  /** Rows in use. */
  size = 0;
  /** Rows below this one have been in use. */
  end = 0;
  protected readonly clock: Clock;
  /** Row + 1 by hash, 0 where free. */
  private slots = new Int32Array(2 * FIRST_ROWS);
  private readonly freeRows: number[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The row of a key, or -1. Runs per packet: no allocation. */
  protected lookup(high: number, low: number, domain: number): number {
    const { slots } = this;
    const mask = slots.length - 1;
    for (let i = hash(high, low, domain) & mask; ; i = (i + 1) & mask) {
      const row = slots[i]! - 1;
      if (row < 0) return -1;
      if (this.low[row] === low && this.high[row] === high && this.domain[row] === domain) return row;
    }
  }

  /** A new row for a key that has none, or -1 when the table is full. */
  protected insert(high: number, low: number, domain: number): number {
    if (this.freeRows.length === 0 && this.end === this.high.length && !this.makeRoom()) return -1;
    const row = this.freeRows.pop() ?? this.end++;
    this.high[row] = high;
    this.low[row] = low;
    this.domain[row] = domain;
    this.inUse[row] = 1;
    this.updated[row] = this.clock.now;
    this.size++;
    this.place(row);
    return row;
  }

  /** Forget a row. */
  remove(row: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let hole = this.home(row);
    while (slots[hole] !== row + 1) hole = (hole + 1) & mask;
    // Close the gap: whatever probed past the hole moves into it.
    for (let i = (hole + 1) & mask; slots[i] !== 0; i = (i + 1) & mask) {
      const home = this.home(slots[i]! - 1);
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      slots[hole] = slots[i]!;
      hole = i;
    }
    slots[hole] = 0;
    this.inUse[row] = 0;
    this.size--;
    this.freeRows.push(row);
  }

  /** Remove what has aged out. */
  abstract purge(): void;

  /** The next purge may find something: so a full table is not looked through for each new address. */
  protected abstract isPurgeDue(): boolean;

  /** Enlarge the columns to `rows`; those who add columns add to this. */
  protected grow(rows: number): void {
    this.high = resized(this.high, rows);
    this.low = resized(this.low, rows);
    this.domain = resized(this.domain, rows);
    this.inUse = resized(this.inUse, rows);
    this.updated = resized(this.updated, rows);
    this.slots = new Int32Array(2 * rows);
    for (let row = 0; row < this.end; row++) if (this.inUse[row] !== 0) this.place(row);
  }

  private makeRoom(): boolean {
    if (this.isPurgeDue()) this.purge();
    if (this.freeRows.length > 0) return true;
    const rows = 2 * this.high.length;
    if (rows > MAX_ROWS) return false;
    this.grow(rows);
    return true;
  }

  private home(row: number): number {
    return hash(this.high[row]!, this.low[row]!, this.domain[row]!) & (this.slots.length - 1);
  }

  private place(row: number): void {
    const { slots } = this;
    const mask = slots.length - 1;
    let i = this.home(row);
    while (slots[i] !== 0) i = (i + 1) & mask;
    slots[i] = row + 1;
  }
}

/** An address of two integers as text. */
export const formatStation = (high: number, low: number): string =>
  [high >>> 8, high & 255, low >>> 24, (low >>> 16) & 255, (low >>> 8) & 255, low & 255]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join(':');
