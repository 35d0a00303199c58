/** The fragments of one datagram, in order: struct ipq and inet_frag_queue_insert (net/ipv4/inet_fragment.c). @module */
import type { Packet } from '../packet/packet.ts';

/** What insertion says of a fragment. */
export const IPFRAG_OK = 0;
export const IPFRAG_DUP = 1;
export const IPFRAG_OVERLAP = 2;

/** The fragments of one datagram so far: struct inet_frag_queue. */
export class FragmentQueue {
  /** Hash of what names the datagram, and the next queue with the same. */
  readonly key: number;
  next: this | null = null;
  readonly number: number;
  readonly user: number;
  timer = 0;
  /** By offset. */
  readonly fragments: Packet[] = [];
  readonly offsets: number[] = [];
  /**
   * Runs of fragments that came one right behind the other: first and last byte + 1. A fragment inside a run is a
   * duplicate, one that crosses its border an overlap.
   */
  private readonly runs: { start: number; end: number }[] = [];
  /** First offset of the fragment that is last so far, and its end. */
  private tailEnd = -1;
  firstIn = false;
  lastIn = false;
  /** Bytes of data that the datagram will have, as far as it is known, and that are here. */
  length = 0;
  meat = 0;
  ecn = 0;
  maxSize = 0;
  maxDfSize = 0;
  /** ifindex by which the last one came. */
  iif = 0;
  /** The source's count of fragments when the last one came. */
  sequence = 0;

  constructor(key: number, number: number, user: number) {
    this.key = key;
    this.number = number;
    this.user = user;
  }

  /** Begin again, with nothing. */
  reset(): void {
    this.fragments.length = this.offsets.length = this.runs.length = 0;
    this.tailEnd = -1;
    this.firstIn = this.lastIn = false;
    this.length = this.meat = this.ecn = 0;
    this.maxSize = this.maxDfSize = 0;
  }

  /** @returns IPFRAG_OK when the fragment is now in the queue */
  insert(pkt: Packet, offset: number, end: number): number {
    if (this.tailEnd < end) {
      if (offset < this.tailEnd) return IPFRAG_OVERLAP;
      const last = this.runs.at(-1);
      if (last !== undefined && offset === this.tailEnd) last.end = end;
      else this.runs.push({ start: offset, end });
      this.tailEnd = end;
      this.fragments.push(pkt);
      this.offsets.push(offset);
      return IPFRAG_OK;
    }
    return this.insertBetween(pkt, offset, end);
  }

  private insertBetween(pkt: Packet, offset: number, end: number): number {
    const { runs } = this;
    let i = 0;
    while (i < runs.length && runs[i]!.end <= offset) i++;
    const run = runs[i];
    if (run !== undefined && run.start < end) {
      return offset >= run.start && end <= run.end ? IPFRAG_DUP : IPFRAG_OVERLAP;
    }
    runs.splice(i, 0, { start: offset, end });
    const at = this.offsets.findIndex((other) => other > offset);
    this.fragments.splice(at, 0, pkt);
    this.offsets.splice(at, 0, offset);
    return IPFRAG_OK;
  }

  /**
   * Note what an inserted fragment tells of the datagram.
   * @param size bytes with its headers; @param hlen bytes of headers; @param ecn its ECN field
   */
  note(iif: number, size: number, hlen: number, ecn: number, first: boolean, df: boolean): void {
    this.iif = iif;
    this.meat += size - hlen;
    this.ecn |= 1 << ecn;
    if (first) this.firstIn = true;
    if (size > this.maxSize) this.maxSize = size;
    if (df && size > this.maxDfSize) this.maxDfSize = size;
  }
}
