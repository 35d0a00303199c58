/**
 * Lists of recently seen addresses: the tables of net/netfilter/xt_recent.c, with its module parameters' defaults. A list
 * belongs to its namespace and is shared by all rules that name it. @module
 */
import type { Netns } from '../net/netns.ts';
import { format4 } from '../packet/address.ts';

/** ip_list_tot: addresses per list; the least recently seen makes room. */
const IP_LIST_TOT = 100;
/** What is remembered per address when no rule asks for more hits. */
const DEFAULT_STAMPS = 32;

/** An address mask of four words; IPv4 uses the first. */
export type RecentMask = readonly [number, number, number, number];

/** %pI6: eight groups of four digits. */
const fullAddress = (...words: readonly number[]): string =>
  words
    .flatMap((word) => [word >>> 16, word & 0xffff])
    .map((group) => group.toString(16).padStart(4, '0'))
    .join(':');

/** One list by name, of one namespace. */
export class RecentTable {
  readonly name: string;
  private readonly mask: RecentMask;
  /** Stamps kept per address, a power of two. */
  private stampLimit: number;
  private stamps: Float64Array;
  /** Four words per row. */
  private readonly addresses = new Int32Array(4 * IP_LIST_TOT);
  private readonly families = new Uint8Array(IP_LIST_TOT);
  private readonly ttls = new Uint8Array(IP_LIST_TOT);
  /** Where the next stamp goes, 1-based as in the kernel; stamps held. */
  private readonly index = new Uint16Array(IP_LIST_TOT);
  private readonly held = new Uint16Array(IP_LIST_TOT);
  /** Rows in use, longest unseen first. */
  private readonly order: number[] = [];
  /** Order of entry, for lookups that find more than one row. */
  private readonly entered = new Float64Array(IP_LIST_TOT);
  private readonly free: number[] = Array.from({ length: IP_LIST_TOT }, (_, i) => IP_LIST_TOT - 1 - i);
  private serial = 0;
  /** The address that is being looked up, masked. */
  private readonly key = new Int32Array(4);

  constructor(name: string, mask: RecentMask, hits: number) {
    this.name = name;
    this.mask = mask;
    this.stampLimit = stampLimit(hits);
    this.stamps = new Float64Array(IP_LIST_TOT * this.stampLimit);
  }

  /** A rule that counts `hits` names this list: when it needs more stamps than are kept, the list starts anew. */
  require(hits: number): void {
    if (stampLimit(hits) <= this.stampLimit) return;
    this.stampLimit = stampLimit(hits);
    this.stamps = new Float64Array(IP_LIST_TOT * this.stampLimit);
    this.free.push(...this.order);
    this.order.length = 0;
  }

  /** The row of the address of `words` words at `at`, under the list's mask; `ttl` 0 finds any. -1: none. */
  find(v: DataView, at: number, words: number, ttl: number): number {
    const { key, addresses } = this;
    key.fill(0);
    for (let i = 0; i < words; i++) key[i] = v.getInt32(at + 4 * i) & this.mask[i]!;
    let found = -1;
    for (let i = 0; i < this.order.length; i++) {
      const row = this.order[i]!;
      const same =
        this.families[row] === words &&
        addresses[4 * row] === key[0] &&
        addresses[4 * row + 1] === key[1] &&
        addresses[4 * row + 2] === key[2] &&
        addresses[4 * row + 3] === key[3];
      if (!same || (ttl !== 0 && this.ttls[row] !== 0 && this.ttls[row] !== ttl)) continue;
      if (found < 0 || this.entered[row]! < this.entered[found]!) found = row;
    }
    return found;
  }

  /** Enter the address that {@link find} looked for last. */
  enter(words: number, ttl: number, now: number): void {
    if (this.free.length === 0) this.remove(this.order[0]!);
    const row = this.free.pop()!;
    this.addresses.set(this.key, 4 * row);
    this.families[row] = words;
    this.ttls[row] = ttl;
    this.stamps[row * this.stampLimit] = now;
    this.index[row] = 1;
    this.held[row] = 1;
    this.entered[row] = ++this.serial;
    this.order.push(row);
  }

  /** Seen again. */
  update(row: number, ttl: number, now: number): void {
    const slot = this.index[row]! & (this.stampLimit - 1);
    this.stamps[row * this.stampLimit + slot] = now;
    this.index[row] = slot + 1;
    this.held[row] = Math.max(this.held[row]!, slot + 1);
    this.ttls[row] = ttl;
    this.order.splice(this.order.indexOf(row), 1);
    this.order.push(row);
  }

  remove(row: number): void {
    this.order.splice(this.order.indexOf(row), 1);
    this.free.push(row);
  }

  /** Were there `hits` (0: any) stamps not before `since`? */
  seen(row: number, since: number, hits: number): boolean {
    const from = row * this.stampLimit;
    let count = 0;
    for (let i = 0; i < this.held[row]!; i++) {
      if (this.stamps[from + i]! < since) continue;
      if (hits === 0 || ++count >= hits) return true;
    }
    return false;
  }

  /** Remove the longest unseen row if it was not seen since; `keep` is spared. */
  reap(since: number, keep: number): void {
    const row = this.order[0]!;
    if (row !== keep && this.stamps[row * this.stampLimit + this.index[row]! - 1]! < since) this.remove(row);
  }

  /** One line per address, as /proc/net/xt_recent/NAME has them, in order of entry (the kernel's is that of a random hash). */
  lines(): string[] {
    return [...this.order].sort((a, b) => this.entered[a]! - this.entered[b]!).map((row) => this.line(row));
  }

  private line(row: number): string {
    const [a, b, c, d] = this.addresses.subarray(4 * row, 4 * row + 4) as unknown as RecentMask;
    const source = this.families[row] === 1 ? format4(a) : fullAddress(a, b, c, d);
    const stamps = [...this.stamps.subarray(row * this.stampLimit, row * this.stampLimit + this.held[row]!)];
    const last = stamps[this.index[row]! - 1];
    return `src=${source} ttl: ${this.ttls[row]} last_seen: ${last} oldest_pkt: ${this.index[row]} ${stamps.join(', ')}`;
  }
}

/** roundup_pow_of_two of the hits that a rule counts. */
const stampLimit = (hits: number): number => (hits === 0 ? DEFAULT_STAMPS : 2 ** Math.ceil(Math.log2(hits)));

/** The lists of a namespace by name. */
export class RecentTables {
  private readonly tables = new Map<string, RecentTable>();

  /** The list that a rule names, made when no rule did so before: then `mask` is its mask for good. */
  get(name: string, mask: RecentMask, hits: number): RecentTable {
    let table = this.tables.get(name);
    if (table === undefined) {
      table = new RecentTable(name, mask, hits);
      this.tables.set(name, table);
    } else table.require(hits);
    return table;
  }

  /** Sorted by name. */
  list(): RecentTable[] {
    return [...this.tables.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** The recent lists of a namespace (/proc/net/xt_recent). */
export const recentTables = (ns: Netns): RecentTables => ns.generic(RecentTables);
