/**
 * The connections of a namespace as columns: nf_conntrack_hash and struct nf_conn, net/netfilter/nf_conntrack_core.c.
 *
 * Row `ct` is a connection. It is hashed twice; entry `e = ct << 1 | direction` is one of its two tuples, and what is known
 * per direction has a column indexed by `e`. A chain goes from `buckets` through `next`; -1 ends it. Columns are replaced
 * when the table grows: do not keep one across an insert. About 100 bytes a connection, 60 more for TCP and SCTP. @module
 */
import { type Column, resized } from '../net/column.ts';
import { IPS_CONFIRMED, IPS_DYING, ORIGINAL, REPLY, ZONE_DIR_BOTH } from './status.ts';
import { IPV6, type Tuple } from './tuple.ts';

const INITIAL_ROWS = 64;

/** Words and bytes of tracker state that a TCP or SCTP connection has: `state` column aside. */
export const STATE_WORDS = 12;
export const STATE_BYTES = 10;

/** Connections as rows; both tuples of row `ct` are entries `2 * ct` and `2 * ct + 1`. */
export class ConntrackTable {
  /** By entry: the last word of the addresses, source port << 16 | destination port, the next entry of the chain. */
  src: Int32Array = new Int32Array(2 * INITIAL_ROWS);
  dst: Int32Array = new Int32Array(2 * INITIAL_ROWS);
  ports: Int32Array = new Int32Array(2 * INITIAL_ROWS);
  private next: Int32Array = new Int32Array(2 * INITIAL_ROWS);
  /** By entry: packets and bytes in that direction. */
  packets: Uint32Array = new Uint32Array(2 * INITIAL_ROWS);
  bytes: Float64Array = new Float64Array(2 * INITIAL_ROWS);

  /** By row: IPS_*; the mark; when it expires (ns; while unconfirmed, in how many ns from confirmation). */
  status: Int32Array = new Int32Array(INITIAL_ROWS);
  mark: Int32Array = new Int32Array(INITIAL_ROWS);
  timeout: Float64Array = new Float64Array(INITIAL_ROWS);
  protocol: Uint8Array = new Uint8Array(INITIAL_ROWS);
  family: Uint8Array = new Uint8Array(INITIAL_ROWS);
  zone: Uint16Array = new Uint16Array(INITIAL_ROWS);
  zoneDir: Uint8Array = new Uint8Array(INITIAL_ROWS);
  /** State of the tracker of its protocol (tcp-state.ts, sctp-state.ts). */
  state: Uint8Array = new Uint8Array(INITIAL_ROWS);
  /** What the tracker keeps: for TCP and SCTP one more than its slot of {@link words}, for UDP the ms of the first packet. */
  aux: Uint32Array = new Uint32Array(INITIAL_ROWS);
  /** ifindex that MASQUERADE chose, 0 for none. */
  masqIndex: Uint16Array = new Uint16Array(INITIAL_ROWS);
  private natNext: Int32Array = new Int32Array(INITIAL_ROWS);
  private natPrevious: Int32Array = new Int32Array(INITIAL_ROWS);

  /** By slot: STATE_WORDS and STATE_BYTES each. */
  words: Int32Array = new Int32Array(0);
  stateBytes: Uint8Array = new Uint8Array(0);
  private freeSlots: number[] = [];

  /** By entry, six words: the high words of IPv6 addresses. Empty until the first IPv6 connection. */
  private high: Int32Array = new Int32Array(0);
  /** By row, four words: connlabels. Empty until the first one is set. */
  labels: Uint32Array = new Uint32Array(0);

  private buckets: Int32Array = new Int32Array(2 * INITIAL_ROWS).fill(-1);
  private natBuckets: Int32Array = new Int32Array(INITIAL_ROWS).fill(-1);
  /** A bucket is the upper bits of a hash, so that neighbours in the kernel's larger table are neighbours here. */
  private shift: number = 32 - Math.log2(2 * INITIAL_ROWS);
  private freeRow = -1;
  private used = 0;
  /** Connections in being, confirmed or not. */
  count = 0;

  /** Rows that exist, free ones included: iterate below this and ask {@link isConfirmed}. */
  get rows(): number {
    return this.used;
  }

  /** Bytes that all columns take. */
  get byteLength(): number {
    const columns: Column[] = [
      this.src,
      this.dst,
      this.ports,
      this.next,
      this.packets,
      this.bytes,
      this.status,
      this.mark,
    ];
    columns.push(
      this.timeout,
      this.protocol,
      this.family,
      this.zone,
      this.zoneDir,
      this.state,
      this.aux,
      this.masqIndex,
    );
    columns.push(this.natNext, this.natPrevious, this.buckets, this.natBuckets);
    columns.push(this.words, this.stateBytes, this.high, this.labels);
    return columns.reduce((sum, column) => sum + column.byteLength, 0);
  }

  isConfirmed(ct: number): boolean {
    return (this.status[ct]! & IPS_CONFIRMED) !== 0;
  }

  /** Can be found: confirmed and not dying. */
  isHashed(ct: number): boolean {
    return (this.status[ct]! & (IPS_CONFIRMED | IPS_DYING)) === IPS_CONFIRMED;
  }

  /** A row for a connection whose first packet has the tuple `original`. It is not found until it is inserted. */
  allocate(original: Tuple, reply: Tuple, zone: number, zoneDir: number): number {
    const ct = this.takeRow();
    this.family[ct] = original.family;
    this.protocol[ct] = original.protocol;
    this.zone[ct] = zone;
    this.zoneDir[ct] = zoneDir;
    this.setTuple(ct, ORIGINAL, original);
    this.setTuple(ct, REPLY, reply);
    this.count++;
    return ct;
  }

  private takeRow(): number {
    const ct = this.freeRow;
    if (ct >= 0) this.freeRow = this.next[2 * ct]!;
    else if (this.used === this.status.length) this.grow();
    const row = ct >= 0 ? ct : this.used++;
    this.clear(row);
    return row;
  }

  private clear(ct: number): void {
    this.status[ct] = 0;
    this.mark[ct] = 0;
    this.timeout[ct] = 0;
    this.state[ct] = 0;
    this.aux[ct] = 0;
    this.masqIndex[ct] = 0;
    this.packets[2 * ct] = this.packets[2 * ct + 1] = 0;
    this.bytes[2 * ct] = this.bytes[2 * ct + 1] = 0;
    if (this.labels.length > 0) this.labels.fill(0, 4 * ct, 4 * ct + 4);
  }

  /** Give a row back that is neither hashed nor in the source hash. */
  free(ct: number): void {
    if (this.isHashed(ct)) throw new Error(`connection ${ct} is still hashed`);
    this.status[ct] = 0;
    this.next[2 * ct] = this.freeRow;
    this.freeRow = ct;
    this.family[ct] = 0;
    this.count--;
  }

  /** Change a tuple; only of a row that is not hashed. */
  setTuple(ct: number, direction: number, tuple: Tuple): void {
    const e = 2 * ct + direction;
    this.src[e] = tuple.src;
    this.dst[e] = tuple.dst;
    this.ports[e] = (tuple.srcPort << 16) | tuple.dstPort;
    if (tuple.family === IPV6) this.setHigh(e, tuple);
  }

  private setHigh(e: number, tuple: Tuple): void {
    if (this.high.length === 0) this.high = new Int32Array(12 * this.status.length);
    this.high.set(tuple.srcHigh, 6 * e);
    this.high.set(tuple.dstHigh, 6 * e + 3);
  }

  /** Read a tuple of a row. */
  getTuple(ct: number, direction: number, to: Tuple): void {
    const e = 2 * ct + direction;
    to.family = this.family[ct]!;
    to.protocol = this.protocol[ct]!;
    to.src = this.src[e]!;
    to.dst = this.dst[e]!;
    to.srcPort = this.ports[e]! >>> 16;
    to.dstPort = this.ports[e]! & 0xffff;
    if (to.family !== IPV6) return;
    for (let i = 0; i < 3; i++) {
      to.srcHigh[i] = this.high[6 * e + i]!;
      to.dstHigh[i] = this.high[6 * e + 3 + i]!;
    }
  }

  /** Is `tuple` the row's tuple of that direction? Zones aside. Runs per packet. */
  tupleEquals(ct: number, direction: number, tuple: Tuple): boolean {
    return this.entryEquals(2 * ct + direction, (tuple.srcPort << 16) | tuple.dstPort, tuple);
  }

  private entryEquals(e: number, ports: number, tuple: Tuple): boolean {
    return (
      this.src[e] === tuple.src &&
      this.dst[e] === tuple.dst &&
      this.ports[e] === ports &&
      this.protocol[e >>> 1] === tuple.protocol &&
      this.family[e >>> 1] === tuple.family &&
      (tuple.family !== IPV6 || this.highEquals(e, tuple))
    );
  }

  private highEquals(e: number, tuple: Tuple): boolean {
    for (let i = 0; i < 3; i++) {
      if (this.high[6 * e + i] !== tuple.srcHigh[i] || this.high[6 * e + 3 + i] !== tuple.dstHigh[i]) return false;
    }
    return true;
  }

  /** The zone of a row in a direction: 0 where its zone does not count. nf_ct_zone_id. */
  zoneId(ct: number, direction: number): number {
    return (this.zoneDir[ct]! & (1 << direction)) !== 0 ? this.zone[ct]! : 0;
  }

  /** How many hashes lead to one chain. */
  get bucketWidth(): number {
    return 2 ** this.shift;
  }

  /** First entry of the chain that a hash leads to, or -1. */
  first(hash: number): number {
    return this.buckets[hash >>> this.shift]!;
  }

  /** The entry after `e` in its chain that belongs to another row, or -1: `e`'s row may be removed meanwhile. */
  after(e: number): number {
    const other = this.next[e]!;
    return other >= 0 && other >>> 1 === e >>> 1 ? this.next[other]! : other;
  }

  /** The next entry from `e` on in its chain with this tuple in this zone (by {@link zoneId} of its direction), or -1. */
  match(e: number, tuple: Tuple, zoneOriginal: number, zoneReply: number): number {
    const ports = (tuple.srcPort << 16) | tuple.dstPort;
    for (let i = e; i >= 0; i = this.next[i]!) {
      if (!this.entryEquals(i, ports, tuple)) continue;
      if (this.zoneId(i >>> 1, i & 1) === ((i & 1) === ORIGINAL ? zoneOriginal : zoneReply)) return i;
    }
    return -1;
  }

  /** Hash a row by both tuples; from now on it is confirmed. */
  insert(ct: number): void {
    this.link(2 * ct + ORIGINAL);
    this.link(2 * ct + REPLY);
    this.status[ct]! |= IPS_CONFIRMED;
  }

  /** Hash it by its reply tuple alone, as the loser of a clash is. */
  insertReply(ct: number): void {
    this.next[2 * ct + ORIGINAL] = UNLINKED;
    this.link(2 * ct + REPLY);
    this.status[ct]! |= IPS_CONFIRMED;
  }

  private link(e: number): void {
    const bucket = this.hashOf(e) >>> this.shift;
    this.next[e] = this.buckets[bucket]!;
    this.buckets[bucket] = e;
  }

  /** Take a row out of the hash: it is dying, and keeps what it knows until it is freed. */
  remove(ct: number): void {
    if (this.next[2 * ct + ORIGINAL] !== UNLINKED) this.unlink(2 * ct + ORIGINAL);
    this.unlink(2 * ct + REPLY);
    this.status[ct]! |= IPS_DYING;
  }

  private unlink(e: number): void {
    const bucket = this.hashOf(e) >>> this.shift;
    if (this.buckets[bucket] === e) {
      this.buckets[bucket] = this.next[e]!;
      return;
    }
    let i = this.buckets[bucket]!;
    while (this.next[i] !== e) i = this.next[i]!;
    this.next[i] = this.next[e]!;
  }

  /** The hash of a tuple in a zone: 32 bits, all of them well mixed. */
  hash(tuple: Tuple, zone: number): number {
    let h = mix(mix(mix(tuple.protocol | (zone << 8), tuple.src), tuple.dst), (tuple.srcPort << 16) | tuple.dstPort);
    if (tuple.family === IPV6) {
      for (let i = 0; i < 3; i++) h = mix(mix(h, tuple.srcHigh[i]!), tuple.dstHigh[i]!);
    }
    return finish(h);
  }

  /** The hash of an entry as {@link hash} gives it. */
  hashOf(e: number): number {
    const ct = e >>> 1;
    const seed = this.protocol[ct]! | (this.zoneId(ct, e & 1) << 8);
    let h = mix(mix(mix(seed, this.src[e]!), this.dst[e]!), this.ports[e]!);
    if (this.family[ct] === IPV6) {
      for (let i = 0; i < 3; i++) h = mix(mix(h, this.high[6 * e + i]!), this.high[6 * e + 3 + i]!);
    }
    return finish(h);
  }

  /** Rows by the source of their first packet: nf_nat_bysource. */
  private natBucket(protocol: number, src: number, srcPort: number, zone: number): number {
    return finish(mix(mix(protocol | (zone << 8), src), srcPort)) >>> (this.shift + 1);
  }

  private natBucketOf(ct: number): number {
    const zone = this.zoneDir[ct] === ZONE_DIR_BOTH ? this.zone[ct]! : 0;
    return this.natBucket(this.protocol[ct]!, this.src[2 * ct]!, this.ports[2 * ct]! >>> 16, zone);
  }

  /** First row that may have this source, or -1; go on with {@link nextBySource}. */
  firstBySource(tuple: Tuple, zone: number, zoneDir: number): number {
    const id = zoneDir === ZONE_DIR_BOTH ? zone : 0;
    return this.natBuckets[this.natBucket(tuple.protocol, tuple.src, tuple.srcPort, id)]!;
  }

  nextBySource(ct: number): number {
    return this.natNext[ct]!;
  }

  insertBySource(ct: number): void {
    const bucket = this.natBucketOf(ct);
    const head = this.natBuckets[bucket]!;
    this.natNext[ct] = head;
    this.natPrevious[ct] = -1;
    if (head >= 0) this.natPrevious[head] = ct;
    this.natBuckets[bucket] = ct;
  }

  removeBySource(ct: number): void {
    const next = this.natNext[ct]!;
    const previous = this.natPrevious[ct]!;
    if (next >= 0) this.natPrevious[next] = previous;
    if (previous >= 0) this.natNext[previous] = next;
    else this.natBuckets[this.natBucketOf(ct)] = next;
  }

  /** A cleared slot of tracker state. */
  takeSlot(): number {
    if (this.freeSlots.length === 0) this.growSlots();
    const slot = this.freeSlots.pop()!;
    this.words.fill(0, slot * STATE_WORDS, (slot + 1) * STATE_WORDS);
    this.stateBytes.fill(0, slot * STATE_BYTES, (slot + 1) * STATE_BYTES);
    return slot;
  }

  releaseSlot(slot: number): void {
    this.freeSlots.push(slot);
  }

  private growSlots(): void {
    const slots = this.words.length / STATE_WORDS;
    const more = slots === 0 ? INITIAL_ROWS : 2 * slots;
    this.words = resized(this.words, more * STATE_WORDS);
    this.stateBytes = resized(this.stateBytes, more * STATE_BYTES);
    for (let slot = more - 1; slot >= slots; slot--) this.freeSlots.push(slot);
  }

  /** Make room for connlabels. */
  useLabels(): void {
    if (this.labels.length === 0) this.labels = new Uint32Array(4 * this.status.length);
  }

  private grow(): void {
    const rows = 2 * this.status.length;
    this.src = resized(this.src, 2 * rows);
    this.dst = resized(this.dst, 2 * rows);
    this.ports = resized(this.ports, 2 * rows);
    this.next = resized(this.next, 2 * rows);
    this.packets = resized(this.packets, 2 * rows);
    this.bytes = resized(this.bytes, 2 * rows);
    this.status = resized(this.status, rows);
    this.mark = resized(this.mark, rows);
    this.timeout = resized(this.timeout, rows);
    this.protocol = resized(this.protocol, rows);
    this.family = resized(this.family, rows);
    this.zone = resized(this.zone, rows);
    this.zoneDir = resized(this.zoneDir, rows);
    this.state = resized(this.state, rows);
    this.aux = resized(this.aux, rows);
    this.masqIndex = resized(this.masqIndex, rows);
    this.natNext = resized(this.natNext, rows);
    this.natPrevious = resized(this.natPrevious, rows);
    if (this.high.length > 0) this.high = resized(this.high, 12 * rows);
    if (this.labels.length > 0) this.labels = resized(this.labels, 4 * rows);
    this.rehash(rows);
  }

  private rehash(rows: number): void {
    const oldSources = this.natBuckets;
    this.buckets = new Int32Array(2 * rows).fill(-1);
    this.natBuckets = new Int32Array(rows).fill(-1);
    this.shift--;
    for (let ct = 0; ct < this.used; ct++) {
      if (!this.isHashed(ct)) continue;
      if (this.next[2 * ct + ORIGINAL] !== UNLINKED) this.link(2 * ct + ORIGINAL);
      this.link(2 * ct + REPLY);
    }
    for (const head of oldSources) this.splitSources(head);
  }

  /** Hash a chain of {@link natBuckets} again, from its end, so that the newest connection stays in front. */
  private splitSources(head: number): void {
    let ct = head;
    while (ct >= 0 && this.natNext[ct]! >= 0) ct = this.natNext[ct]!;
    while (ct >= 0) {
      const previous = this.natPrevious[ct]!;
      this.insertBySource(ct);
      ct = previous;
    }
  }
}

/** Marks the original entry of a row that is hashed by its reply tuple only. */
const UNLINKED = -2;

/** One round of MurmurHash3 (Appleby, public domain), and its end. */
function mix(h: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const x = h ^ k;
  return (Math.imul((x << 13) | (x >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(h: number): number {
  let x = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
