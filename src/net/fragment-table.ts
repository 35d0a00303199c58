/**
 * The fragment queues of one family in a namespace, by a hash of what names their datagram: struct fqdir,
 * net/ipv4/inet_fragment.c. @module
 */
import type { FragmentQueue } from './fragment-queue.ts';

/** Queues by key; those that share one stand in a chain, the youngest first. */
export class FragmentTable<Q extends FragmentQueue> {
  private readonly chains = new Map<number, Q>();
  /** For timers. */
  private readonly byNumber = new Map<number, Q>();
  private numbers = 0;

  /** Queues that wait for more. */
  get size(): number {
    return this.byNumber.size;
  }

  /** The youngest queue of a key, or null; the others follow by `next`. */
  first(key: number): Q | null {
    return this.chains.get(key) ?? null;
  }

  /** A number for a new queue. */
  number(): number {
    return ++this.numbers;
  }

  /** The queue that a timer is about. */
  withNumber(number: number): Q {
    return this.byNumber.get(number)!;
  }

  add(queue: Q): void {
    queue.next = this.first(queue.key);
    this.chains.set(queue.key, queue);
    this.byNumber.set(queue.number, queue);
  }

  delete(queue: Q): void {
    this.byNumber.delete(queue.number);
    const first = this.chains.get(queue.key)!;
    if (first !== queue) {
      let before = first;
      while (before.next !== queue) before = before.next!;
      before.next = queue.next;
    } else if (queue.next === null) this.chains.delete(queue.key);
    else this.chains.set(queue.key, queue.next);
  }
}
