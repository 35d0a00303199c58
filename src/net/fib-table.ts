/** One routing table of IPv4: longest prefix match. net/ipv4/fib_trie.c. @module */
import { mask4 } from '../packet/address.ts';
import type { Route } from './fib-route.ts';
import { type PrefixHash, PrefixTable } from './prefix-table.ts';

const SMALLEST = 8;

/** Prefixes of one length to the first route of each; open addressing. */
class RouteHash implements PrefixHash<number, Route> {
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

/** A table of IPv4, known by its number. */
export class FibTable extends PrefixTable<number, Route, RouteHash> {
  readonly id: number;

  constructor(id: number) {
    super(32);
    this.id = id;
  }

  /** The first route of the prefix that `address` has at a length, or null. Runs per packet: no allocation. */
  first(address: number, length: number): Route | null {
    const hash = this.byLength[length]!;
    return hash === null ? null : hash.find(address & mask4(length));
  }

  protected makeHash(): RouteHash {
    return new RouteHash();
  }

  /** Greater TOS first, then smaller metric; equals as they came. */
  protected precedes(a: Route, b: Route): boolean {
    return a.tos > b.tos || (a.tos === b.tos && a.metric < b.metric);
  }
}
