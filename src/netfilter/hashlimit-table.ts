/**
 * Token buckets by address and port: the tables of net/netfilter/xt_hashlimit.c (revision 3). A table belongs to its
 * namespace and is shared by all rules of one family that name it; the first rule's settings hold. @module
 */
import { resized } from '../net/column.ts';
import type { Family } from './extension.ts';
import { HZ } from './jiffies.ts';

/** Units of `avg` per second, XT_HASHLIMIT_SCALE_v2. */
export const HASHLIMIT_SCALE = 1_000_000;
/** Rates in bytes are counted in chunks of 16. */
export const BYTE_SHIFT = 4;
const CREDITS_PER_JIFFY = 2 ** 39; // POW2_BELOW64((2^64 - 1) / (HZ * 60 * 60 * 24))
const CREDITS_PER_UNIT = 137_438_953; // HZ * CREDITS_PER_JIFFY / HASHLIMIT_SCALE, cut to an integer
const BYTE_CREDITS_PER_JIFFY = 2 ** 24; // POW2_BELOW32((2^32 - 1) / HZ)
const BYTE_CREDIT_CAP: number = BYTE_CREDITS_PER_JIFFY * HZ;
const U32_MAX = 0xffff_ffff;
/** Buckets of a table on a machine with 1 GiB of memory or more; entries are 8 times that. */
const DEFAULT_SIZE = 8192;
/** Words of a key: source and destination address, both ports in one. */
const KEY_WORDS = 9;

/** struct hashlimit_cfg3 as far as it is the table's. */
export interface HashlimitConfig {
  readonly bytes: boolean;
  readonly rateMatch: boolean;
  /** Period of one packet in 1/1,000,000 s; in byte mode 2^32 / (chunks per second). */
  readonly avg: number;
  /** Packets; in byte mode how often the bucket is filled at once. */
  readonly burst: number;
  /** Seconds, for rate match. */
  readonly interval: number;
  /** 0: the default. */
  readonly size: number;
  readonly max: number;
  /** Milliseconds. */
  readonly gcInterval: number;
  readonly expire: number;
}

const msToJiffies = (ms: number): number => Math.ceil((ms * HZ) / 1000);

/** user2credits_byte. */
export const byteCost = (avg: number): number => Math.floor((avg * HZ) / 256);

/** user2credits of `avg * burst`, in the 64 bits that it has to do with. */
export const wrappedCredits = (avg: number, burst: number): bigint =>
  BigInt.asUintN(64, BigInt.asUintN(64, BigInt(avg) * BigInt(burst)) * BigInt(CREDITS_PER_UNIT));

/**
 * What a packet bucket holds at most. Credits exceed 2^53, so what was spent and what time gave back are kept apart, as
 * packets and jiffies since the bucket was last full; a product of small integers is then as exact as it must be.
 */
function creditCap({ avg, burst }: HashlimitConfig): number {
  const full = BigInt(avg) * BigInt(burst) * BigInt(CREDITS_PER_UNIT);
  const wrapped = wrappedCredits(avg, burst);
  return wrapped === full ? burst * (avg * CREDITS_PER_UNIT) : Number(wrapped);
}

/** One table by name, of one namespace. */
export class HashlimitTable {
  readonly config: HashlimitConfig;
  /** The key of the packet in question. */
  readonly key: Int32Array = new Int32Array(KEY_WORDS);
  private readonly limit: number;
  private readonly cost: number;
  private readonly cap: number;
  private readonly rate: number;
  private readonly burst: number;
  private readonly created: number;
  private readonly gcInterval: number;
  private readonly expire: number;
  private heads = new Int32Array(64).fill(-1);
  private keys = new Int32Array(64 * KEY_WORDS);
  private next = new Int32Array(64);
  private expires = new Float64Array(64);
  /** Last change; credit, or packets spent; jiffies given back, or fillings left, or bytes in this window; last window. */
  private prev = new Float64Array(64);
  private spent = new Float64Array(64);
  private gained = new Float64Array(64);
  private over = new Uint8Array(64);
  private rows = 0;
  private free = -1;
  private count = 0;
  private collected: number;

  constructor(config: HashlimitConfig, now: number) {
    this.config = config;
    const size = config.size || DEFAULT_SIZE;
    this.limit = config.max === 0 ? 8 * size : Math.max(config.max, size);
    this.cost = config.bytes ? byteCost(config.avg) : config.avg * CREDITS_PER_UNIT;
    this.cap = config.bytes ? 0 : creditCap(config);
    if (config.bytes) {
      // user2rate_bytes.
      this.rate = ((config.avg === 0 ? U32_MAX : Math.floor(U32_MAX / config.avg)) - 1) * 2 ** BYTE_SHIFT;
      this.burst = config.burst === 0 ? this.rate : config.burst * this.rate;
    } else {
      this.rate = Math.floor(HASHLIMIT_SCALE / config.avg);
      this.burst = config.burst + this.rate;
    }
    this.created = now;
    this.collected = now;
    this.gcInterval = msToJiffies(config.gcInterval);
    this.expire = msToJiffies(config.expire);
  }

  /**
   * Charge the bucket of {@link key} with a packet of `length` bytes: 1 within the limit, 0 above it, -1 when the table is
   * full. Runs per packet.
   */
  charge(now: number, length: number): number {
    this.collect(now);
    let row = this.find();
    if (row < 0) {
      if (this.count >= this.limit) return -1;
      row = this.enter(now);
    } else this.refill(row, now);
    this.expires[row] = now + this.expire;
    return Number(this.take(row, length));
  }

  private take(row: number, length: number): boolean {
    const { bytes, rateMatch } = this.config;
    if (rateMatch) {
      this.spent[row]! += bytes ? length : 1;
      return this.over[row] === 0 && this.spent[row]! <= this.burst;
    }
    if (bytes) return this.takeBytes(row, length);
    // credit >= cost, where credit = cap - spent * cost + gained * CREDITS_PER_JIFFY.
    if ((this.spent[row]! + 1) * this.cost - this.gained[row]! * CREDITS_PER_JIFFY > this.cap) return false;
    this.spent[row]!++;
    return true;
  }

  /** hashlimit_byte_cost, and what follows: `spent` is the credit, `gained` how often it may still be filled at once. */
  private takeBytes(row: number, length: number): boolean {
    const cost = Math.min(((length >>> BYTE_SHIFT) + 1) * this.cost, BYTE_CREDIT_CAP);
    if (this.spent[row]! < cost && this.gained[row]! > 0) {
      this.gained[row]!--;
      this.spent[row] = BYTE_CREDIT_CAP;
    }
    if (this.spent[row]! < cost) return false;
    this.spent[row]! -= cost;
    return true;
  }

  /** rateinfo_recalc. */
  private refill(row: number, now: number): void {
    const delta = now - this.prev[row]!;
    if (delta === 0) return;
    const { bytes, rateMatch, interval } = this.config;
    if (rateMatch) {
      const window = interval * HZ;
      if (delta < window) return;
      this.over[row] = Number(this.spent[row]! * window > delta * this.rate);
      this.spent[row] = 0;
    } else if (bytes) {
      this.spent[row] = Math.min(this.spent[row]! + BYTE_CREDITS_PER_JIFFY * delta, BYTE_CREDIT_CAP);
    } else {
      this.gained[row]! += delta;
      if (this.spent[row]! * this.cost <= this.gained[row]! * CREDITS_PER_JIFFY) this.spent[row] = this.gained[row] = 0;
    }
    this.prev[row] = now;
  }

  /** rateinfo_init. */
  private enter(now: number): number {
    const row = this.allocate();
    const { bytes, rateMatch, burst } = this.config;
    this.keys.set(this.key, row * KEY_WORDS);
    this.prev[row] = now;
    this.spent[row] = bytes && !rateMatch ? BYTE_CREDIT_CAP : 0;
    this.gained[row] = bytes && !rateMatch ? burst : 0;
    this.over[row] = 0;
    const bucket = this.bucket(row);
    this.next[row] = this.heads[bucket]!;
    this.heads[bucket] = row;
    return row;
  }

  private find(): number {
    const { key, keys } = this;
    let row = this.heads[this.hash(key, 0)]!;
    for (; row >= 0; row = this.next[row]!) {
      let i = 0;
      while (i < KEY_WORDS && keys[row * KEY_WORDS + i] === key[i]) i++;
      if (i === KEY_WORDS) break;
    }
    return row;
  }

  private hash(words: Int32Array, from: number): number {
    let h = 0;
    for (let i = 0; i < KEY_WORDS; i++) h = Math.imul(h ^ words[from + i]!, 0x9e37_79b1) ^ (h >>> 15);
    return (h ^ (h >>> 16)) & (this.heads.length - 1);
  }

  private bucket(row: number): number {
    return this.hash(this.keys, row * KEY_WORDS);
  }

  private allocate(): number {
    this.count++;
    if (this.free >= 0) {
      const row = this.free;
      this.free = this.next[row]!;
      return row;
    }
    if (this.rows === this.next.length) this.grow();
    return this.rows++;
  }

  private grow(): void {
    const size = 2 * this.next.length;
    this.keys = resized(this.keys, size * KEY_WORDS);
    this.next = resized(this.next, size);
    this.expires = resized(this.expires, size);
    this.prev = resized(this.prev, size);
    this.spent = resized(this.spent, size);
    this.gained = resized(this.gained, size);
    this.over = resized(this.over, size);
    this.heads = new Int32Array(size).fill(-1);
    for (let row = 0; row < this.rows; row++) {
      const bucket = this.bucket(row);
      this.next[row] = this.heads[bucket]!;
      this.heads[bucket] = row;
    }
  }

  /** htable_gc, which runs every `gcInterval`: what had expired when it last ran is forgotten. */
  private collect(now: number): void {
    const last = this.created + Math.floor((now - this.created) / this.gcInterval) * this.gcInterval;
    if (last <= this.collected) return;
    this.collected = last;
    for (let bucket = 0; bucket < this.heads.length; bucket++) {
      let before = -1;
      for (let row = this.heads[bucket]!; row >= 0; ) {
        const after = this.next[row]!;
        if (last < this.expires[row]!) before = row;
        else {
          if (before < 0) this.heads[bucket] = after;
          else this.next[before] = after;
          this.next[row] = this.free;
          this.free = row;
          this.count--;
        }
        row = after;
      }
    }
  }
}

/** The tables of a namespace by family and name. */
export class HashlimitTables {
  private readonly tables = new Map<string, HashlimitTable>();

  get(family: Family, name: string, config: HashlimitConfig, now: number): HashlimitTable {
    const id = `${family} ${name}`;
    const table = this.tables.get(id) ?? new HashlimitTable(config, now);
    this.tables.set(id, table);
    return table;
  }
}
