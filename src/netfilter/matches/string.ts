/** `-m string`: do these bytes stand anywhere in the packet? net/netfilter/xt_string.c, lib/ts_bm.c, lib/ts_kmp.c. @module */
import type { Given, Match } from '../extension.ts';
import { bang, oneOf } from '../number.ts';

const MAX_PATTERN = 128;
const MAX_OFFSET = 0xffff;

export interface StringMatch {
  readonly pattern: readonly number[];
  readonly invert: boolean;
  /** Both find the same; which one is a matter of speed to the kernel, and of print. */
  readonly algo: 'bm' | 'kmp';
  /** Bytes from the IP header on: the first place to look at, and the end of the last. */
  readonly from: number;
  readonly to: number;
  readonly icase: boolean;
}

/** A text as the bytes of its UTF-8. */
function utf8(text: string): number[] {
  const escaped = encodeURIComponent(text.replace(/[\ud800-\udfff]/g, (c) => (c.length === 2 ? c : '?')));
  return [...escaped.matchAll(/%(..)|([^%])/g)].map(([, hex, char]) =>
    hex === undefined ? char!.charCodeAt(0) : Number.parseInt(hex, 16),
  );
}

/** `abc|0d 0a|def`: hexadecimal between bars, a backslash before a bar that is meant. */
function parseHex(given: Given): number[] {
  const text = given.text('hex-string');
  const bytes: number[] = [];
  let i = 0;
  while (i < text.length) {
    if (text[i] === '\\' && i + 1 < text.length) {
      bytes.push(...utf8(text[i + 1]!));
      i += 2;
    } else if (text[i] === '|') {
      const end = text.indexOf('|', i + 1);
      const digits = end < 0 ? 'x' : text.slice(i + 1, end).replace(/ /g, '');
      if (!/^([\da-f]{2})*$/i.test(digits))
        given.fail(`${text}, expected pairs of hexadecimal digits between bars`, 'hex-string');
      bytes.push(...(digits.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)));
      i = end + 1;
    } else {
      const char = String.fromCodePoint(text.codePointAt(i)!);
      bytes.push(...utf8(char));
      i += char.length;
    }
  }
  return bytes;
}

const printable = (byte: number): boolean => byte >= 0x20 && byte < 0x7f;

function formatPattern(pattern: readonly number[], invert: boolean): string {
  if (!pattern.every(printable) || pattern.at(-1) === 0x5c) {
    const hex = pattern.map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return `${bang(invert)}--hex-string "|${hex}|"`;
  }
  const text = String.fromCharCode(...pattern).replace(/["\\]/g, '\\$&');
  return `${bang(invert)}--string "${text}"`;
}

const lower = (byte: number): number => (byte >= 0x41 && byte <= 0x5a ? byte + 32 : byte);

export const string: Match<StringMatch> = {
  name: 'string',
  options: [
    { name: 'algo', required: true },
    { name: 'string', invert: true },
    { name: 'hex-string', invert: true },
    { name: 'from' },
    { name: 'to' },
    { name: 'icase', words: 0 },
  ],
  parse(given) {
    const option = oneOf(given, ['string', 'hex-string']);
    if (option === undefined) return given.fail('no pattern, expected --string or --hex-string');
    const pattern = option === 'string' ? utf8(given.text('string')) : parseHex(given);
    if (pattern.length === 0 || pattern.length > MAX_PATTERN)
      given.fail(`a pattern of ${pattern.length} bytes, expected 1 to ${MAX_PATTERN}`, option);
    const algo = given.text('algo');
    if (algo !== 'bm' && algo !== 'kmp') return given.fail(`${algo}, expected bm or kmp`, 'algo');
    const from = given.has('from') ? given.uint('from', MAX_OFFSET) : 0;
    const to = given.has('to') ? given.uint('to', MAX_OFFSET) : MAX_OFFSET;
    if (from > to) given.fail(`--from ${from} beyond --to ${to}, expected it before`, 'from');
    return { pattern, invert: given.inverted(option), algo, from, to, icase: given.has('icase') };
  },
  format({ pattern, invert, algo, from, to, icase }) {
    const words = [formatPattern(pattern, invert), `--algo ${algo}`];
    if (from !== 0) words.push(`--from ${from}`);
    if (to !== MAX_OFFSET) words.push(`--to ${to}`);
    if (icase) words.push('--icase');
    return words.join(' ');
  },
  compile: ({ pattern, invert, from, to, icase }) => [
    Number(invert),
    from,
    to,
    Number(icase),
    pattern.length,
    ...(icase ? pattern.map(lower) : pattern),
  ],
  test(args, at, pkt) {
    const { bytes, l3, end } = pkt;
    const icase = args[at + 3] === 1;
    const length = args[at + 4]!;
    const pattern = at + 5;
    const last = Math.min(end, l3 + args[at + 2]!) - length;
    for (let i = l3 + args[at + 1]!; i <= last; i++) {
      let n = 0;
      while (n < length && (icase ? lower(bytes[i + n]!) : bytes[i + n]) === args[pattern + n]) n++;
      if (n === length) return args[at] === 0;
    }
    return args[at] === 1;
  },
};
