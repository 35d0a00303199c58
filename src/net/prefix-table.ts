/**
 * What the routing tables of both families share: the routes of a prefix stand in one chain, the chains in a hash for each
 * prefix length in use. Linux has a trie (net/ipv4/fib_trie.c) and a radix tree (net/ipv6/ip6_fib.c); what is found, and in
 * which order the routes of one prefix are tried, is the same. @module
 */

/** A route as a table keeps it; `A` is its address, host bits zero. */
interface Chained<A> {
  readonly prefix: A;
  /** Bits. */
  readonly length: number;
  /** The next one of the same prefix, in the order in which they are tried. */
  next: this | null;
}

/** Prefixes of one length to the first route of each. */
export interface PrefixHash<A, R> {
  /** The first route of a prefix, or null. Runs per packet: no allocation. */
  find(prefix: A): R | null;
  set(prefix: A, head: R | null): void;
  all(): Generator<R>;
}

/** One routing table, addresses `A` and routes `R`. */
export abstract class PrefixTable<A, R extends Chained<A>, H extends PrefixHash<A, R>> {
  /** Prefix lengths in use, longest first. */
  lengths: readonly number[] = [];
  protected readonly byLength: (H | null)[];

  /** @param bits of an address */
  constructor(bits: number) {
    this.byLength = new Array<H | null>(bits + 1).fill(null);
  }

  protected abstract makeHash(): H;

  /** Is `a` tried before `b`, which was there first? */
  protected abstract precedes(a: R, b: R): boolean;

  /** Behind those that it does not precede. */
  insert(route: R): void {
    const hash = this.hash(route.length);
    const head = hash.find(route.prefix);
    if (head === null || this.precedes(route, head)) {
      route.next = head;
      hash.set(route.prefix, route);
      return;
    }
    let before = head;
    while (before.next !== null && !this.precedes(route, before.next)) before = before.next;
    route.next = before.next;
    before.next = route;
  }

  remove(route: R): void {
    const hash = this.hash(route.length);
    const head = hash.find(route.prefix);
    if (head === route) hash.set(route.prefix, route.next);
    for (let before = head; before !== null; before = before.next) {
      if (before.next === route) before.next = route.next;
    }
  }

  /** Every route, longest prefixes first. */
  *routes(): Generator<R> {
    for (const length of this.lengths) yield* this.byLength[length]!.all();
  }

  private hash(length: number): H {
    const known = this.byLength[length]!;
    if (known !== null) return known;
    const made = this.makeHash();
    this.byLength[length] = made;
    this.lengths = [...this.lengths, length].sort((a, b) => b - a);
    return made;
  }
}
