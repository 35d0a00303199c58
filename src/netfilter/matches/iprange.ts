/** `-m iprange`: an address between two others; net/netfilter/xt_iprange.c. @module */
import { formatWords, parse4, parse6 } from '../../packet/address.ts';
import * as ipv4 from '../../packet/ipv4.ts';
import * as ipv6 from '../../packet/ipv6.ts';
import type { Packet } from '../../packet/packet.ts';
import type { Given, Match } from '../extension.ts';
import { bang } from '../number.ts';

/** First and last address, both in it: int32 words, one for IPv4, four for IPv6. */
export interface AddressRange {
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly invert: boolean;
}

export interface IpRange {
  readonly src: AddressRange | null;
  readonly dst: AddressRange | null;
}

type Side = 'src-range' | 'dst-range';

function parseRange(given: Given, option: Side): AddressRange | null {
  if (!given.has(option)) return null;
  const text = given.text(option);
  const parse = (part: string): readonly number[] => {
    const address = given.family === 'ipv4' ? parse4(part) : parse6(part);
    if (address === undefined) return given.fail(`${text}, expected two addresses like a-b`, option);
    return typeof address === 'number' ? [address] : address;
  };
  const dash = text.indexOf('-');
  const first = parse(dash < 0 ? text : text.slice(0, dash));
  const last = dash < 0 ? first : parse(text.slice(dash + 1));
  if (compare(first, last) > 0) given.fail(`${text}, expected the lower address first`, option);
  return { first, last, invert: given.inverted(option) };
}

/** Negative, 0 or positive, as unsigned numbers of one or four words. */
function compare(a: readonly number[], b: readonly number[]): number {
  const i = a.findIndex((word, j) => word !== b[j]);
  return i < 0 ? 0 : (a[i]! >>> 0) - (b[i]! >>> 0);
}

const format = (option: Side, range: AddressRange | null): string[] =>
  range === null ? [] : [`${bang(range.invert)}--${option} ${formatWords(range.first)}-${formatWords(range.last)}`];

/** Integers of a range: whether there is one, inverted, first, last; padded to `words` words. */
const compileRange = (range: AddressRange | null, words: number): number[] =>
  range === null ? new Array<number>(2 + 2 * words).fill(0) : [1, Number(range.invert), ...range.first, ...range.last];

export const iprange: Match<IpRange> = {
  name: 'iprange',
  options: [
    { name: 'src-range', invert: true },
    { name: 'dst-range', invert: true },
  ],
  parse(given) {
    if (!given.has('src-range') && !given.has('dst-range'))
      given.fail('iprange without a range, expected --src-range or --dst-range');
    return { src: parseRange(given, 'src-range'), dst: parseRange(given, 'dst-range') };
  },
  format: ({ src, dst }) => [...format('src-range', src), ...format('dst-range', dst)].join(' '),
  compile({ src, dst }, to) {
    const words = to.family === 'ipv4' ? 1 : 4;
    return [...compileRange(src, words), ...compileRange(dst, words)];
  },
  test(args, at, pkt, scope) {
    if (scope.family === 'ipv6') return testRange6(args, at, pkt, 0) && testRange6(args, at + 10, pkt, 1);
    const { view, l3 } = pkt;
    return testRange4(args, at, ipv4.src(view, l3)) && testRange4(args, at + 4, ipv4.dst(view, l3));
  },
};

function testRange4(args: Int32Array, at: number, address: number): boolean {
  if (args[at] === 0) return true;
  const inside = address >>> 0 >= args[at + 2]! >>> 0 && address >>> 0 <= args[at + 3]! >>> 0;
  return inside !== (args[at + 1] === 1);
}

function testRange6(args: Int32Array, at: number, pkt: Packet, side: number): boolean {
  if (args[at] === 0) return true;
  const inside = compare6(args, at + 2, pkt, side) >= 0 && compare6(args, at + 6, pkt, side) <= 0;
  return inside !== (args[at + 1] === 1);
}

/** The packet's source (0) or destination (1) against four words of `args`. */
function compare6(args: Int32Array, at: number, pkt: Packet, side: number): number {
  for (let i = 0; i < 4; i++) {
    const word = side === 0 ? ipv6.srcWord(pkt.view, pkt.l3, i) : ipv6.dstWord(pkt.view, pkt.l3, i);
    if (word !== args[at + i]) return word >>> 0 < args[at + i]! >>> 0 ? -1 : 1;
  }
  return 0;
}
