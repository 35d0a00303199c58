/**
 * Addresses as text and as numbers. IPv4 is an int32 (host order of the four bytes read big-endian; print with this
 * file's `format4`); IPv6 is four of them, first word first; MAC is six bytes. The only import of ipaddr.js. @module
 */
import ipaddr from 'ipaddr.js';

/** Dotted quad to int32, or undefined when it is not one (four decimal numbers, nothing else). */
export function parse4(text: string): number | undefined {
  if (!ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  const [a, b, c, d] = ipaddr.IPv4.parse(text).octets as [number, number, number, number];
  return (a << 24) | (b << 16) | (c << 8) | d;
}

/** int32 to dotted quad. */
export const format4 = (address: number): string =>
  `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;

/** The int32 mask of a prefix length 0..32. */
export const mask4 = (length: number): number => (length === 0 ? 0 : -1 << (32 - length));

/** Four int32 words of an IPv6 address. */
export type Address6 = readonly [number, number, number, number];

/** IPv6 text (any RFC 4291 form, no zone) to words, or undefined: what inet_pton accepts. */
export function parse6(text: string): Address6 | undefined {
  // ipaddr.js takes `::1.2.3.4` for `::ffff:1.2.3.4` and `01` for a decimal byte: give it hexadecimal alone.
  if (text.includes('.')) return parseMixed(text);
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return undefined;
  const p = ipaddr.IPv6.parse(text).parts as [number, number, number, number, number, number, number, number];
  return [(p[0] << 16) | p[1], (p[2] << 16) | p[3], (p[4] << 16) | p[5], (p[6] << 16) | p[7]];
}

function parseMixed(text: string): Address6 | undefined {
  const tail = text.lastIndexOf(':') + 1;
  const low = parse4(text.slice(tail));
  if (low === undefined) return undefined;
  return parse6(`${text.slice(0, tail)}${(low >>> 16).toString(16)}:${(low & 0xffff).toString(16)}`);
}

/** Words to RFC 5952 text, as inet_ntop prints it: `::1.2.3.4` and `::ffff:1.2.3.4` with a dotted tail. */
export function format6([a, b, c, d]: Address6): string {
  const mixed = a === 0 && b === 0 && (c === 0xffff || (c === 0 && d >>> 16 !== 0));
  if (mixed) return `::${c === 0 ? '' : 'ffff:'}${format4(d)}`;
  const parts = [a, b, c, d].flatMap((word) => [word >>> 16, word & 0xffff]);
  return new ipaddr.IPv6(parts).toRFC5952String();
}

/** One word as IPv4, four words as IPv6. */
export const formatWords = (words: readonly number[]): string =>
  words.length === 1 ? format4(words[0]!) : format6(words as unknown as Address6);

/** The four mask words of a prefix length 0..128. */
export const mask6 = (length: number): Address6 => {
  const word = (i: number) => mask4(Math.min(32, Math.max(0, length - 32 * i)));
  return [word(0), word(1), word(2), word(3)];
};

/** Length of a mask that is a prefix, or -1. */
export function prefixLength4(mask: number): number {
  const length = mask === 0 ? 0 : 32 - (31 - Math.clz32(mask & -mask));
  return mask4(length) === mask ? length : -1;
}

/** `aa:bb:cc:dd:ee:ff` (one or two digits a byte) to six bytes, or undefined. */
export function parseMac(text: string): Uint8Array | undefined {
  const parts = text.split(':');
  if (parts.length !== 6 || !parts.every((part) => /^[0-9a-f]{1,2}$/i.test(part))) return undefined;
  return Uint8Array.from(parts, (part) => Number.parseInt(part, 16));
}

/** Six bytes at `at` as text, lower case. */
export function formatMac(bytes: Uint8Array, at = 0): string {
  let text = '';
  for (let i = 0; i < 6; i++) text += `${i === 0 ? '' : ':'}${bytes[at + i]!.toString(16).padStart(2, '0')}`;
  return text;
}
