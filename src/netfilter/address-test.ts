/** `-s` and `-d`: addresses with masks, as text and as words. xtables_ipparse_multiple and save_ipv4_addr. @module */
import { type Address6, formatWords, mask4, mask6, parse4, parse6, prefixLength4 } from '../packet/address.ts';
import type { Family } from './extension.ts';
import { parseUint } from './number.ts';
import { ParseError } from './parse-error.ts';
import type { AddressTest } from './rule.ts';
import type { Word } from './words.ts';

/** Up to four numbers with dots; bytes that are missing at the end are 0 (`10/8`). */
function shortForm(text: string): number | undefined {
  const parts = text.split('.').map(parseUint);
  if (parts.length > 4 || !parts.every((part) => part !== undefined && part <= 255)) return undefined;
  return parts.reduce<number>((sum, part, i) => sum | (part! << (24 - 8 * i)), 0);
}

function parseMask4(text: string): number | undefined {
  const length = parseUint(text);
  if (length !== undefined) return length <= 32 ? mask4(length) : undefined;
  return parse4(text);
}

function parseMask6(text: string): Address6 | undefined {
  const length = parseUint(text);
  if (length !== undefined) return length <= 128 ? mask6(length) : undefined;
  return parse6(text);
}

function parseOne(text: string, word: Word, family: Family, invert: boolean): AddressTest {
  const slash = text.indexOf('/');
  const host = slash < 0 ? text : text.slice(0, slash);
  const maskText = slash < 0 ? undefined : text.slice(slash + 1);
  const four = family === 'ipv4';
  const address = four ? shortForm(host) : parse6(host);
  if (address === undefined) {
    throw new ParseError(
      `not an address: ${host}, expected an ${four ? 'IPv4' : 'IPv6'} address (names are not looked up)`,
      word.at,
    );
  }
  const full = four ? 32 : 128;
  const mask = four ? parseMask4(maskText ?? '32') : parseMask6(maskText ?? '128');
  if (mask === undefined)
    throw new ParseError(`not a mask: ${maskText}, expected 0 to ${full} or a mask of bits`, word.at);
  const masks = typeof mask === 'number' ? [mask] : [...mask];
  const words = (typeof address === 'number' ? [address] : [...address]).map((part, i) => part & masks[i]!);
  return { words, mask: masks, invert };
}

/** `a,b/len,c/mask`: one test each. @throws {ParseError} for what is no address, and for `!` before a list */
export function parseAddresses(word: Word, family: Family, invert: boolean): AddressTest[] {
  const parts = word.text.split(',').map((part) => part.trim());
  if (invert && parts.length > 1)
    throw new ParseError(`! before a list of ${parts.length} addresses, expected one`, word.at);
  return parts.map((part) => parseOne(part, word, family, invert));
}

/** Length of the prefix that the mask of an IPv6 address is, or -1. */
function prefixLength6(mask: readonly number[]): number {
  const lengths = mask.map(prefixLength4);
  if (lengths.includes(-1)) return -1;
  const length = lengths.reduce((sum, part) => sum + part, 0);
  return mask6(length).every((part, i) => part === mask[i]) ? length : -1;
}

const isZero = (words: readonly number[]): boolean => words.every((word) => word === 0);

/** The test as iptables-save prints it, with a space behind; '' when it is true of every address. */
export function formatAddress(letter: 's' | 'd', test: AddressTest | null): string {
  if (test === null || (isZero(test.words) && isZero(test.mask) && !test.invert)) return '';
  const six = test.words.length === 4;
  const length = six ? prefixLength6(test.mask) : prefixLength4(test.mask[0]!);
  return `${test.invert ? '! ' : ''}-${letter} ${formatWords(test.words)}/${length < 0 ? formatWords(test.mask) : length} `;
}
