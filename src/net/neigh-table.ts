/** The rows of the neighbour table: columns, a hash over (device, address), and a queue of packets for each. @module */
import { formatMac } from '../packet/address.ts';
import type { Packet } from '../packet/packet.ts';
import { resized } from './column.ts';

const FIRST_CAPACITY = 64;

/** Neighbours as rows, and the packets that wait for each. */
export class NeighTable {
  /** Entries in use. */
  count = 0;
  address: Int32Array = new Int32Array(FIRST_CAPACITY);
  /** ifindex; 0 for a row that is free. */
  device: Int32Array = new Int32Array(FIRST_CAPACITY);
  macHigh: Int32Array = new Int32Array(FIRST_CAPACITY);
  macLow: Int32Array = new Int32Array(FIRST_CAPACITY);
  /** NUD_*. */
  state: Uint8Array = new Uint8Array(FIRST_CAPACITY);
  probes: Int32Array = new Int32Array(FIRST_CAPACITY);
  /** Nanoseconds of the run. */
  confirmed: Float64Array = new Float64Array(FIRST_CAPACITY);
  updated: Float64Array = new Float64Array(FIRST_CAPACITY);
  used: Float64Array = new Float64Array(FIRST_CAPACITY);
  timer: Float64Array = new Float64Array(FIRST_CAPACITY);
  queuedBytes: Int32Array = new Int32Array(FIRST_CAPACITY);
  private queues: (Packet[] | null)[] = new Array<Packet[] | null>(FIRST_CAPACITY).fill(null);
  private next: Int32Array = new Int32Array(FIRST_CAPACITY);
  private buckets: Int32Array = new Int32Array(FIRST_CAPACITY).fill(-1);
  private readonly free: number[] = [];
  private top = 0;

  private bucket(device: number, address: number): number {
    return (Math.imul(address ^ Math.imul(device, 0x85ebca6b), 0x9e3779b1) >>> 8) & (this.buckets.length - 1);
  }

  /** @returns a row, or -1. Runs per packet: no allocation. */
  find(device: number, address: number): number {
    let row = this.buckets[this.bucket(device, address)]!;
    while (row >= 0 && (this.address[row] !== address || this.device[row] !== device)) row = this.next[row]!;
    return row;
  }

  /** The next row after one of {@link find} with the same two keys, or -1. */
  protected findNext(after: number): number {
    let row = this.next[after]!;
    while (row >= 0 && (this.address[row] !== this.address[after] || this.device[row] !== this.device[after])) {
      row = this.next[row]!;
    }
    return row;
  }

  /** A new row, everything else zero. */
  insert(device: number, address: number): number {
    if (this.free.length === 0 && this.top === this.address.length) this.grow();
    const row = this.free.pop() ?? this.top++;
    this.device[row] = device;
    this.address[row] = address;
    this.macHigh[row] = this.macLow[row] = 0;
    this.state[row] = this.probes[row] = 0;
    this.confirmed[row] = this.updated[row] = this.used[row] = this.timer[row] = 0;
    this.queuedBytes[row] = 0;
    this.link(row);
    this.count++;
    return row;
  }

  remove(row: number): void {
    const bucket = this.bucket(this.device[row]!, this.address[row]!);
    if (this.buckets[bucket] === row) this.buckets[bucket] = this.next[row]!;
    else {
      let before = this.buckets[bucket]!;
      while (this.next[before] !== row) before = this.next[before]!;
      this.next[before] = this.next[row]!;
    }
    this.device[row] = 0;
    this.free.push(row);
    this.count--;
  }

  /** Rows in use. */
  *rows(): Generator<number> {
    for (let row = 0; row < this.top; row++) if (this.device[row] !== 0) yield row;
  }

  setMac(row: number, high: number, low: number): void {
    this.macHigh[row] = high;
    this.macLow[row] = low;
  }

  hasMac(row: number, high: number, low: number): boolean {
    return this.macHigh[row] === high && this.macLow[row] === low;
  }

  mac(row: number): string {
    const view = new DataView(new ArrayBuffer(6));
    view.setUint16(0, this.macHigh[row]!);
    view.setInt32(2, this.macLow[row]!);
    return formatMac(new Uint8Array(view.buffer));
  }

  queueLength(row: number): number {
    return this.queues[row]?.length ?? 0;
  }

  enqueue(row: number, pkt: Packet): void {
    this.queues[row] ??= [];
    this.queues[row]!.push(pkt);
  }

  /** The oldest packet that waits. */
  dequeue(row: number): Packet {
    return this.queues[row]!.shift()!;
  }

  /** The packet that came last, or null. */
  newest(row: number): Packet | null {
    return this.queues[row]?.at(-1) ?? null;
  }

  private link(row: number): void {
    const bucket = this.bucket(this.device[row]!, this.address[row]!);
    this.next[row] = this.buckets[bucket]!;
    this.buckets[bucket] = row;
  }

  private grow(): void {
    const size = 2 * this.address.length;
    this.address = resized(this.address, size);
    this.device = resized(this.device, size);
    this.macHigh = resized(this.macHigh, size);
    this.macLow = resized(this.macLow, size);
    this.state = resized(this.state, size);
    this.probes = resized(this.probes, size);
    this.confirmed = resized(this.confirmed, size);
    this.updated = resized(this.updated, size);
    this.used = resized(this.used, size);
    this.timer = resized(this.timer, size);
    this.queuedBytes = resized(this.queuedBytes, size);
    this.queues = [...this.queues, ...new Array<Packet[] | null>(size / 2).fill(null)];
    this.next = new Int32Array(size);
    this.buckets = new Int32Array(size).fill(-1);
    for (const row of this.rows()) this.link(row);
  }
}
