/**
 * One routing table: longest prefix match by a hash of prefixes for each length in use, longest first. Linux has a trie
 * (net/ipv4/fib_trie.c); what is found, and in which order routes of one prefix are tried, is the same. @module
 */
import { mask4 } from '../packet/address.ts';
import type { Route } from './fib-route.ts';

const SMALLEST = 8;

/** Prefixes of one length to the first route of each; open addressing. */
class PrefixHash {
  private keys = new Int32Array(SMALLEST);
  private heads: (Route | null)[] = new Array<Route | null>(SMALLEST).fill(null);
  private used = new Uint8Array(SMALLEST);
  private count = 0;

  /** Runs per packet: no allocation. */
  find(prefix: number): Route | null {
    const slot = this.slot(prefix);
    return this.used[slot] === 0 ? null : this.heads[slot]!;
  }

  set(prefix: number, head: Route | null): void {
    if (2 * (this.count + 1) > this.keys.length) this.grow();
    const slot = this.slot(prefix);
    if (this.used[slot] === 0) this.count++;
    this.used[slot] = 1;
    this.keys[slot] = prefix;
    this.heads[slot] = head;
  }

  *all(): Generator<Route> {
    for (const head of this.heads) for (let route = head; route !== null; route = route.next) yield route;
  }

  private slot(prefix: number): number {
    const last = this.keys.length - 1;
    let slot = Math.imul(prefix, 0x9e3779b1) >>> (Math.clz32(last) & 31);
    while (this.used[slot] !== 0 && this.keys[slot] !== prefix) slot = (slot + 1) & last;
    return slot;
  }

  /** Prefixes without routes are left behind. */
  private grow(): void {
    const { keys, heads } = this;
    const live = heads.filter((head) => head !== null).length;
    let size = SMALLEST;
    while (size < 4 * (live + 1)) size *= 2;
    this.keys = new Int32Array(size);
    this.heads = new Array<Route | null>(size).fill(null);
    this.used = new Uint8Array(size);
    this.count = 0;
    heads.forEach((head, i) => {
      if (head !== null) this.set(keys[i]!, head);
    });
  }
}

/** The order within a prefix: greater TOS first, then smaller metric; equals as they came. */
const precedes = (a: Route, b: Route): boolean => a.tos > b.tos || (a.tos === b.tos && a.metric < b.metric);

export class FibTable {
  readonly id: number;
  /** Prefix lengths in use, longest first. */
  lengths: readonly number[] = [];
  private readonly byLength: (PrefixHash | null)[] = new Array<PrefixHash | null>(33).fill(null);

  constructor(id: number) {
    this.id = id;
  }

  /** The first route of the prefix that `address` has at a length, or null. Runs per packet: no allocation. */
  first(address: number, length: number): Route | null {
    const hash = this.byLength[length]!;
    return hash === null ? null : hash.find(address & mask4(length));
  }

  insert(route: Route): void {
    const hash = this.hash(route.length);
    const head = hash.find(route.prefix);
    if (head === null || precedes(route, head)) {
      route.next = head;
      hash.set(route.prefix, route);
      return;
    }
    let before = head;
    while (before.next !== null && !precedes(route, before.next)) before = before.next;
    route.next = before.next;
    before.next = route;
  }

  remove(route: Route): void {
    const hash = this.hash(route.length);
    const head = hash.find(route.prefix);
    if (head === route) hash.set(route.prefix, route.next);
    for (let before = head; before !== null; before = before.next) {
      if (before.next === route) before.next = route.next;
    }
  }

  /** Every route, longest prefixes first. */
  *routes(): Generator<Route> {
    for (const length of this.lengths) yield* this.byLength[length]!.all();
  }

  private hash(length: number): PrefixHash {
    const known = this.byLength[length]!;
    if (known !== null) return known;
    const made = new PrefixHash();
    this.byLength[length] = made;
    this.lengths = [...this.lengths, length].sort((a, b) => b - a);
    return made;
  }
}
