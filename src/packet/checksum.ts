/**
 * The Internet checksum: RFC 1071 in full, RFC 1624 for a field that changes, with the pseudo headers of IPv4 (RFC 768,
 * 9293) and IPv6 (RFC 8200 section 8.1). Sums are kept unfolded (64 KiB of 0xff stay below 2^32); `fold` ends them. @module
 */

/** Add the 16-bit words of [at, end) to `sum`; an odd last byte counts as the high half of a word. */
export function add(v: DataView, at: number, end: number, sum = 0): number {
  let i = at;
  for (; i + 4 <= end; i += 4) {
    const word = v.getUint32(i);
    sum += (word >>> 16) + (word & 0xffff);
  }
  if (i + 2 <= end) {
    sum += v.getUint16(i);
    i += 2;
  }
  if (i < end) sum += v.getUint8(i) << 8;
  return sum;
}

/** A sum to 16 bits with end-around carry, not complemented. */
export function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** The checksum of a sum: its complement, 0..0xffff. */
export const finish = (sum: number): number => ~fold(sum) & 0xffff;

/** The checksum over [at, end). */
export const checksum = (v: DataView, at: number, end: number): number => finish(add(v, at, end));

/** The sum of an IPv4 pseudo header: addresses at `src` and `src + 4` in the view, `length` bytes of segment. */
export const pseudo4 = (v: DataView, src: number, protocol: number, length: number): number =>
  add(v, src, src + 8, protocol + length);

/** The sum of an IPv6 pseudo header: addresses at `src` and `src + 16`. */
export const pseudo6 = (v: DataView, src: number, protocol: number, length: number): number =>
  add(v, src, src + 32, protocol + (length >>> 16) + (length & 0xffff));

/**
 * A checksum after one 16-bit field went from `from` to `to`: RFC 1624 equation 3, HC' = ~(~HC + ~m + m'), as csum_replace2
 * does it (include/net/checksum.h). Stays as wrong as it was, if it was.
 */
export function replace16(checksum: number, from: number, to: number): number {
  const sum = (~checksum & 0xffff) + (~from & 0xffff) + to;
  const folded = (sum & 0xffff) + (sum >>> 16);
  return ~((folded & 0xffff) + (folded >>> 16)) & 0xffff;
}

/**
 * The same for a 32-bit field, such as an IPv4 address (int32 or uint32), as csum_replace4 does it. Linux calls it for
 * every field of a transport too (inet_proto_csum_replace2): its sum is never zero, so the result is never 0xffff.
 */
export function replace32(checksum: number, from: number, to: number): number {
  const out = (~from >>> 16) + (~from & 0xffff);
  const sum = (~checksum & 0xffff) + out + (to >>> 16) + (to & 0xffff);
  const folded = (sum & 0xffff) + (sum >>> 16);
  return ~((folded & 0xffff) + (folded >>> 16) || 0xffff) & 0xffff;
}
