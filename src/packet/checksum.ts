/**
 * The Internet checksum: RFC 1071 in full, RFC 1624 for a field that changes, with the pseudo headers of IPv4 (RFC 768,
 * 9293) and IPv6 (RFC 8200 section 8.1). Sums are kept unfolded (64 KiB of 0xff stay below 2^31); `fold` ends them. @module
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
 * A checksum after one 16-bit field went from `from` to `to`: RFC 1624 equation 3, HC' = ~(~HC + ~m + m'). Stays as wrong
 * as it was, if it was. Gives 0x0000 where a full computation gives it, never 0xffff for a non-zero sum.
 */
export function replace16(checksum: number, from: number, to: number): number {
  const sum = (~checksum & 0xffff) + (~from & 0xffff) + to;
  const folded = (sum & 0xffff) + (sum >>> 16);
  return ~((folded & 0xffff) + (folded >>> 16)) & 0xffff;
}

/** The same for a 32-bit field, such as an IPv4 address (int32 or uint32). */
export const replace32 = (checksum: number, from: number, to: number): number =>
  replace16(replace16(checksum, from >>> 16, to >>> 16), from & 0xffff, to & 0xffff);
