/** Ranges of IPv4 addresses as networks: ip_set_range_to_cidr of net/netfilter/ipset/pfxlen.c. @module */

/** Prefix length of the largest network that begins at `from` and does not reach beyond `last` (uint32s). */
export function blockLength(from: number, last: number): number {
  for (let length = 1; length < 32; length++) {
    const size = 2 ** (32 - length);
    if (from % size === 0 && from + size - 1 <= last) return length;
  }
  return 32;
}
