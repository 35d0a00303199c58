/**
 * Elements in buckets, as the kernel keeps them: net/netfilter/ipset/ip_set_hash_gen.h. A bucket has up to `bucketSize` places;
 * where one overflows, the table doubles. So an element's place, the order in which sets are listed, the size of the table
 * and the moment when a set is full are the kernel's. Place `p` of bucket `b` is row `b * width + p`: its state and its key
 * lie side by side, so that a look touches little memory. @module
 */
import { jhash2 } from '../packet/jhash.ts';
import { EXIST, FULL, NO_ROOM, OK } from './code.ts';
import { Extensions } from './extensions.ts';
import type { Values } from './values.ts';

/** Places that a bucket begins with, and grows by: AHASH_INIT_SIZE. */
export const STEP = 2;
/** AHASH_MAX_SIZE, and AHASH_MAX_TUNED for sets that hold many elements with equal hashes. */
export const MAX_BUCKET = 12;
const MAX_TUNED = 64;
const MAX_BITS = 26;
/** A region has 2^10 buckets; the limit of elements is divided among regions. */
const REGION_BITS = 10;

/** States of a place: 0 was never used, so that a look ends there; a hole was. */
const NEVER = 0;
const HOLE = 1;
const USED = 2;
const IS_NOMATCH = 4;

const regionCount = (bits: number): number => (bits < REGION_BITS ? 1 : 1 << (bits - REGION_BITS));

/** What a table is made to: sizes of keys, buckets and the whole. */
export interface TableShape {
  /** Words of an element, and how many of them are hashed. */
  readonly words: number;
  readonly hashed: number;
  readonly maxElements: number;
  readonly initval: number;
  readonly forceadd: boolean;
  /** Elements may differ beyond what is hashed: a bucket takes more of those (IP_SET_HASH_WITH_MULTI). */
  readonly multi: boolean;
}

/** Told where an element's key is when it has come or is about to go. */
export interface Watcher {
  added(keys: Int32Array, at: number): void;
  removed(keys: Int32Array, at: number): void;
}

/** Keys of words in buckets. */
export class HashTable {
  readonly shape: TableShape;
  bits: number;
  bucketSize: number;
  extensions: Extensions;
  /** By place: its state, then its key. */
  keys: Int32Array;
  private readonly stride: number;
  /** Places allotted to every bucket here; the kernel allots to each what it needs (`size`). */
  private width = STEP;
  /** By bucket: the first place that was never used, and places allotted. */
  private next: Uint8Array;
  private size: Uint8Array;
  private regions: Int32Array;
  /** Elements of the last comparison that differed only beyond their address (`multi`). */
  similar = 0;
  private readonly watcher: Watcher | null;

  constructor(shape: TableShape, bits: number, bucketSize: number, extensions: Extensions, watcher: Watcher | null) {
    this.shape = shape;
    this.bits = bits;
    this.bucketSize = bucketSize;
    this.watcher = watcher;
    const buckets = 1 << bits;
    this.extensions = new Extensions(extensions.config, extensions.ticker, buckets * STEP);
    this.stride = shape.words + 1;
    this.keys = new Int32Array(buckets * STEP * this.stride);
    this.next = new Uint8Array(buckets);
    this.size = new Uint8Array(buckets);
    this.regions = new Int32Array(regionCount(bits));
  }

  /** Elements, those included that ended and were not collected. */
  get count(): number {
    return this.regions.reduce((sum, elements) => sum + elements, 0);
  }

  /** The place of an element, -1 when it is not there. Runs per packet: no allocation. */
  find(key: Int32Array): number {
    const bucket = this.bucketOf(key, this.bits);
    const first = bucket * this.width;
    return this.scan(key, first, first + this.width);
  }

  /** Where an element's key begins in `keys`. */
  keyAt(place: number): number {
    return place * this.stride + 1;
  }

  /** The next place behind `place` that compares equal. */
  findNext(key: Int32Array, place: number): number {
    const bucket = Math.floor(place / this.width);
    return this.scan(key, place + 1, (bucket + 1) * this.width);
  }

  isNomatch(place: number): boolean {
    return (this.keys[place * this.stride]! & IS_NOMATCH) !== 0;
  }

  /** The elements' places in the order of the kernel's listing. */
  *places(): Generator<number> {
    for (let bucket = 0; bucket < this.next.length; bucket++) {
      const first = bucket * this.width;
      for (let p = first; p < first + this.next[bucket]!; p++) {
        if (this.isUsed(p) && !this.extensions.expired(p)) yield p;
      }
    }
  }

  /** Add an element, or change what an equal one has. @returns OK, EXIST, FULL or NO_ROOM: see {@link grow}. mtype_add */
  add(key: Int32Array, values: Values, nomatch: boolean, exist: boolean): number {
    const { extensions, shape } = this;
    const bucket = this.bucketOf(key, this.bits);
    const region = bucket >>> REGION_BITS;
    let elements = this.regions[region]!;
    let limit = Math.floor(shape.maxElements / this.regions.length);
    let force = false;
    if (elements >= limit) {
      this.collect(region);
      elements = this.count;
      limit = shape.maxElements;
      force = elements >= limit && shape.forceadd;
    }
    const full = elements >= limit;
    if (this.size[bucket] === 0) return full ? FULL : this.append(bucket, key, values, nomatch);

    let free = -1;
    this.similar = 0;
    const first = bucket * this.width;
    const end = first + this.next[bucket]!;
    for (let p = first; p < end; p++) {
      if (!this.isUsed(p)) {
        if (free < 0) free = p;
        continue;
      }
      if (this.equal(key, p)) {
        if (!exist && !extensions.expired(p)) return EXIST;
        this.write(p, values, nomatch);
        return OK;
      }
      if (free < 0 && extensions.expired(p)) free = p;
    }
    if (free < 0 && force) free = first;
    if (free < 0) return full ? FULL : this.append(bucket, key, values, nomatch);
    if (this.isUsed(free)) this.forget(free, bucket);
    this.place(free, bucket, key, values, nomatch);
    return OK;
  }

  /** Take an element out. @returns OK or EXIST. mtype_del */
  delete(key: Int32Array): number {
    const bucket = this.bucketOf(key, this.bits);
    const first = bucket * this.width;
    this.similar = 0;
    const p = this.scan(key, first, first + this.width);
    if (p < 0 || this.extensions.expired(p)) return EXIST;
    this.forget(p, bucket);
    if (p + 1 === first + this.next[bucket]!) {
      this.next[bucket]!--;
      this.keys[p * this.stride] = NEVER;
    }
    this.shrink(bucket, this.next[bucket] === 0);
    return OK;
  }

  /** Remove what has ended: the whole table. mtype_gc */
  collectAll(): void {
    for (let region = 0; region < this.regions.length; region++) this.collect(region);
  }

  clear(): void {
    this.keys.fill(NEVER);
    this.next.fill(0);
    this.size.fill(0);
    this.regions.fill(0);
  }

  /** Double the table, until every element finds a place. mtype_resize. @returns OK or FULL */
  grow(): number {
    for (let bits = this.bits + 1; bits <= MAX_BITS; bits++) {
      const bigger = this.another(bits, null);
      if (!bigger.refill(this)) continue;
      this.become(bigger);
      return OK;
    }
    return FULL;
  }

  /** A table of its own with the same elements in the same places. */
  clone(watcher: Watcher | null): HashTable {
    const copy = this.another(this.bits, watcher);
    while (copy.width < this.width) copy.widen();
    copy.keys.set(this.keys);
    copy.next.set(this.next);
    copy.size.set(this.size);
    copy.regions.set(this.regions);
    for (let p = 0; p < this.next.length * this.width; p++) copy.extensions.take(p, this.extensions, p);
    return copy;
  }

  /** Is the element at `place` this one? A table whose elements are not equal word by word says so itself. */
  protected equal(key: Int32Array, place: number): boolean {
    const { words } = this.shape;
    const { keys } = this;
    const at = place * this.stride + 1;
    for (let i = 0; i < words; i++) if (keys[at + i] !== key[i]) return false;
    return true;
  }

  /** An empty table of the same kind. */
  protected another(bits: number, watcher: Watcher | null): HashTable {
    return new HashTable(this.shape, bits, this.bucketSize, this.extensions, watcher);
  }

  private bucketOf(key: Int32Array, bits: number): number {
    return jhash2(key, this.shape.hashed, this.shape.initval) & ((1 << bits) - 1);
  }

  private scan(key: Int32Array, first: number, end: number): number {
    const { keys, stride } = this;
    for (let p = first; p < end; p++) {
      const state = keys[p * stride]!;
      if (state === NEVER) return -1;
      if (state !== HOLE && this.equal(key, p)) return p;
    }
    return -1;
  }

  private isUsed(place: number): boolean {
    return this.keys[place * this.stride]! >= USED;
  }

  /** A new place at the end of a bucket. */
  private append(bucket: number, key: Int32Array, values: Values, nomatch: boolean): number {
    if (this.next[bucket] === this.size[bucket]) {
      if (this.size[bucket] !== 0 && !this.mayGrow(bucket)) return this.bucketSize >= MAX_TUNED ? FULL : NO_ROOM;
      this.allot(bucket);
    }
    const p = bucket * this.width + this.next[bucket]!++;
    this.place(p, bucket, key, values, nomatch);
    return OK;
  }

  private mayGrow(bucket: number): boolean {
    if (this.shape.multi) {
      if (this.bucketSize >= MAX_TUNED) return false;
      if (this.bucketSize <= this.similar) this.bucketSize += STEP;
    }
    return this.size[bucket]! < this.bucketSize;
  }

  private allot(bucket: number): void {
    const size = this.size[bucket]! + STEP;
    this.size[bucket] = size;
    if (size > this.width) this.widen();
    const first = bucket * this.width;
    for (let p = first + size - STEP; p < first + size; p++) this.extensions.wipe(p);
  }

  private place(p: number, bucket: number, key: Int32Array, values: Values, nomatch: boolean): void {
    const at = this.keyAt(p);
    for (let i = 0; i < this.shape.words; i++) this.keys[at + i] = key[i]!;
    this.regions[bucket >>> REGION_BITS]!++;
    this.watcher?.added(this.keys, at);
    this.write(p, values, nomatch);
  }

  private write(p: number, values: Values, nomatch: boolean): void {
    this.keys[p * this.stride] = USED | (nomatch ? IS_NOMATCH : 0);
    this.extensions.set(p, values);
    this.extensions.setTimeout(p, this.extensions.timeoutOf(values));
  }

  private forget(p: number, bucket: number): void {
    this.watcher?.removed(this.keys, this.keyAt(p));
    this.keys[p * this.stride] = HOLE;
    this.regions[bucket >>> REGION_BITS]!--;
  }

  /** Let go of a bucket that is empty, or of places in one that has several unused. */
  private shrink(bucket: number, empty: boolean): void {
    const first = bucket * this.width;
    const end = first + this.next[bucket]!;
    let holes = 0;
    for (let p = first; p < end; p++) if (!this.isUsed(p)) holes++;
    if (empty && holes === 0) this.size[bucket] = 0;
    else if (holes >= STEP) this.compact(bucket);
  }

  private compact(bucket: number): void {
    const first = bucket * this.width;
    const end = first + this.next[bucket]!;
    let to = first;
    for (let p = first; p < end; p++) {
      if (!this.isUsed(p)) continue;
      if (p !== to) this.move(p, to);
      to++;
    }
    this.next[bucket] = to - first;
    this.size[bucket]! -= STEP;
    this.wipe(to, first + this.width);
  }

  /** Places that are as they were never used. */
  private wipe(first: number, end: number): void {
    for (let p = first; p < end; p++) {
      this.keys[p * this.stride] = NEVER;
      this.extensions.wipe(p);
    }
  }

  private move(from: number, to: number): void {
    const { stride } = this;
    this.keys.copyWithin(to * stride, from * stride, (from + 1) * stride);
    this.keys[from * stride] = HOLE;
    this.extensions.take(to, this.extensions, from);
  }

  private collect(region: number): void {
    if (this.extensions.config.timeout === null) return;
    const start = region << REGION_BITS;
    const stop = Math.min(this.next.length, (region + 1) << REGION_BITS);
    for (let bucket = start; bucket < stop; bucket++) {
      if (this.size[bucket] !== 0) this.collectBucket(bucket);
    }
  }

  private collectBucket(bucket: number): void {
    const first = bucket * this.width;
    let dead = 0;
    for (let p = first; p < first + this.next[bucket]!; p++) {
      const used = this.isUsed(p);
      if (used && !this.extensions.expired(p)) continue;
      if (used) this.forget(p, bucket);
      dead++;
    }
    if (dead < STEP) return;
    if (dead < this.size[bucket]!) this.compact(bucket);
    else {
      this.wipe(first, first + this.width);
      this.next[bucket] = this.size[bucket] = 0;
    }
  }

  /** Give every bucket room for two places more. */
  private widen(): void {
    const { stride } = this;
    const old = { width: this.width, keys: this.keys, extensions: this.extensions };
    const buckets = this.next.length;
    this.width += STEP;
    this.keys = new Int32Array(buckets * this.width * stride);
    this.extensions = new Extensions(old.extensions.config, old.extensions.ticker, buckets * this.width);
    for (let bucket = 0; bucket < buckets; bucket++) {
      const from = bucket * old.width;
      const to = bucket * this.width;
      const places = Math.min(this.size[bucket]!, old.width);
      for (let i = 0; i < places * stride; i++) this.keys[to * stride + i] = old.keys[from * stride + i]!;
      for (let i = 0; i < places; i++) this.extensions.take(to + i, old.extensions, from + i);
    }
  }

  /** Put the elements of a smaller table into this one; false when a bucket overflows. */
  private refill(from: HashTable): boolean {
    const { words } = this.shape;
    const key = new Int32Array(words);
    for (const old of from.places()) {
      const at = from.keyAt(old);
      for (let i = 0; i < words; i++) key[i] = from.keys[at + i]!;
      const bucket = this.bucketOf(key, this.bits);
      if (this.next[bucket] === this.size[bucket]) {
        if (this.size[bucket]! >= this.bucketSize) return false;
        this.allot(bucket);
      }
      const p = bucket * this.width + this.next[bucket]!++;
      this.keys.set(key, this.keyAt(p));
      this.keys[p * this.stride] = from.keys[at - 1]!;
      this.regions[bucket >>> REGION_BITS]!++;
      this.extensions.take(p, from.extensions, old);
    }
    return true;
  }

  private become(other: HashTable): void {
    this.bits = other.bits;
    this.width = other.width;
    this.keys = other.keys;
    this.next = other.next;
    this.size = other.size;
    this.regions = other.regions;
    this.extensions = other.extensions;
  }
}
