/** `address/mask` in the words of extensions, XTTYPE_HOSTMASK of libxtables/xtoptions.c. @module */
import { type Address6, formatWords, mask4, mask6, parse4, parse6, prefixLength4 } from '../packet/address.ts';
import type { Given } from './extension.ts';
import { parseUint } from './number.ts';

/** int32 words, one for IPv4 and four for IPv6. The address is kept as written, bits outside the mask included. */
export interface MaskedAddress {
  readonly words: readonly number[];
  /** Prefix length, bits. */
  readonly length: number;
}

/** Up to four numbers with dots; bytes that are missing at the end are 0. */
function shortForm(text: string): number | undefined {
  const parts = text.split('.').map(parseUint);
  if (parts.length > 4 || !parts.every((part) => part !== undefined && part <= 255)) return undefined;
  return parts.reduce<number>((sum, part, i) => sum | (part! << (24 - 8 * i)), 0);
}

/** Read an option's word. A mask of bits that is no prefix counts as the whole address, as iptables takes it. @throws {ParseError} */
export function parseMasked(given: Given, option: string): MaskedAddress {
  const text = given.text(option);
  const [host = '', mask, ...more] = text.split('/');
  const four = given.family === 'ipv4';
  const address = four ? shortForm(host) : parse6(host);
  if (address === undefined || more.length > 0) return given.fail(`${text}, expected address or address/mask`, option);
  const full = four ? 32 : 128;
  const length = mask === undefined ? full : maskLength(mask, full);
  if (length === undefined) return given.fail(`not a mask: ${mask}, expected 0 to ${full} or a mask of bits`, option);
  return { words: typeof address === 'number' ? [address] : address, length };
}

function maskLength(text: string, full: number): number | undefined {
  const length = parseUint(text);
  if (length !== undefined) return length <= full ? length : undefined;
  if (full === 32) {
    const mask = parse4(text);
    return mask === undefined ? undefined : prefixOr(prefixLength4(mask), full);
  }
  const mask = parse6(text);
  return mask === undefined ? undefined : prefixOr(prefixLength6(mask), full);
}

const prefixOr = (length: number, full: number): number => (length < 0 ? full : length);

function prefixLength6(mask: Address6): number {
  for (let length = 0; length <= 128; length++) {
    if (mask6(length).every((word, i) => word === mask[i])) return length;
  }
  return -1;
}

/** The mask's words. */
export const maskWords = ({ words, length }: MaskedAddress): readonly number[] =>
  words.length === 1 ? [mask4(length)] : mask6(length);

/** `address` or `address/length`; a host's length is not written unless `always`. */
export function formatMasked({ words, length }: MaskedAddress, always = false): string {
  const address = formatWords(words);
  return length === words.length * 32 && !always ? address : `${address}/${length}`;
}
