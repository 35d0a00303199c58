/** One routing table of IPv6: longest prefix match. net/ipv6/ip6_fib.c. @module */
import type { Route6 } from './fib6-config.ts';
import { equalIn6, type In6, in6 } from './in6.ts';
import { type PrefixHash, PrefixTable } from './prefix-table.ts';

const SMALLEST = 8;

/** Clears what is behind `length` bits, into `to`. */
function truncate(address: In6, length: number, to: In6): In6 {
  for (let i = 0; i < 4; i++) {
    const bits = length - 32 * i;
    to[i] = bits >= 32 ? address[i]! : bits <= 0 ? 0 : address[i]! & (-1 << (32 - bits));
  }
  return to;
}

const mix = (hash: number, word: number): number => {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
};

const hashOf = (a: In6): number => mix(mix(mix(mix(0, a[0]!), a[1]!), a[2]!), a[3]!);

/** Prefixes of one length to the first route of each; open addressing. Removed prefixes keep their place, empty. */
class Route6Hash implements PrefixHash<In6, Route6> {
  private keys: (In6 | null)[] = new Array<In6 | null>(SMALLEST).fill(null);
  private heads: (Route6 | null)[] = new Array<Route6 | null>(SMALLEST).fill(null);
  private count = 0;

  /** Runs per packet: no allocation. */
  find(prefix: In6): Route6 | null {
    return this.heads[this.slot(prefix)]!;
  }

  set(prefix: In6, head: Route6 | null): void {
    if (2 * (this.count + 1) > this.keys.length) this.grow();
    const slot = this.slot(prefix);
    if (this.keys[slot] === null) this.count++;
    this.keys[slot] = prefix;
    this.heads[slot] = head;
  }

  *all(): Generator<Route6> {
    for (const head of this.heads) for (let route = head; route !== null; route = route.next) yield route;
  }

  private slot(prefix: In6): number {
    const last = this.keys.length - 1;
    let slot = hashOf(prefix) & last;
    for (let key = this.keys[slot]!; key !== null && !equalIn6(key, prefix); key = this.keys[slot]!) {
      slot = (slot + 1) & last;
    }
    return slot;
  }

  private grow(): void {
    const { keys, heads } = this;
    const live = heads.filter((head) => head !== null).length;
    let size = SMALLEST;
    while (size < 4 * (live + 1)) size *= 2;
    this.keys = new Array<In6 | null>(size).fill(null);
    this.heads = new Array<Route6 | null>(size).fill(null);
    this.count = 0;
    heads.forEach((head, i) => {
      if (head !== null) this.set(keys[i]!, head);
    });
  }
}

/** A table of IPv6. */
export class Fib6Table extends PrefixTable<In6, Route6, Route6Hash> {
  private readonly key: In6 = in6();

  constructor() {
    super(128);
  }

  /** The first route of the prefix that `address` has at a length, or null. Runs per packet: no allocation. */
  first(address: In6, length: number): Route6 | null {
    const hash = this.byLength[length]!;
    return hash === null ? null : hash.find(truncate(address, length, this.key));
  }

  protected makeHash(): Route6Hash {
    return new Route6Hash();
  }

  /** Smaller metric first; equals as they came. */
  protected precedes(a: Route6, b: Route6): boolean {
    return a.metric < b.metric;
  }
}
