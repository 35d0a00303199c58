/** Which prefix lengths are in a set, the longest first: struct net_prefixes, mtype_add_cidr and mtype_del_cidr. @module */

export class Prefixes {
  private readonly counts: Int32Array = new Int32Array(129);
  /** Lengths in use, longest first. */
  readonly lengths: Uint8Array = new Uint8Array(129);
  used = 0;

  add(length: number): void {
    if (this.counts[length]!++ > 0) return;
    let i = this.used++;
    for (; i > 0 && this.lengths[i - 1]! < length; i--) this.lengths[i] = this.lengths[i - 1]!;
    this.lengths[i] = length;
  }

  delete(length: number): void {
    if (--this.counts[length]! > 0) return;
    const i = this.lengths.indexOf(length);
    this.lengths.copyWithin(i, i + 1, this.used--);
  }

  clear(): void {
    this.counts.fill(0);
    this.used = 0;
  }

  take(from: Prefixes): void {
    this.counts.set(from.counts);
    this.lengths.set(from.lengths);
    this.used = from.used;
  }
}
