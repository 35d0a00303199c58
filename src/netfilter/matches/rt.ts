/** `-m rt`: the IPv6 routing header, net/ipv6/netfilter/ip6t_rt.c. @module */
import { type Address6, format6, parse6 } from '../../packet/address.ts';
import * as ext from '../../packet/ipv6-ext.ts';
import type { Given, Match } from '../extension.ts';
import { bang } from '../number.ts';
import { compileSpi, formatSpi, parseSpi, type SpiTest, testSpi } from '../spi-match.ts';

const MAX_ADDRESSES = 16;
const HEADER_LEN = 4;
/** Bytes in front of the addresses of type 0. */
const TYPE0_LEN = 8;

export interface Rt {
  readonly segmentsLeft: SpiTest;
  /** -1: not given. */
  readonly type: number;
  readonly invertType: boolean;
  readonly length: number;
  readonly invertLength: boolean;
  /** Of type 0: the reserved field is zero. */
  readonly reserved: boolean;
  readonly addresses: readonly Address6[];
  /** The addresses may have others between them. */
  readonly notStrict: boolean;
}

const found = new ext.Found();
const [SEGMENTS, TYPE, INVERT_TYPE, LENGTH, INVERT_LENGTH, RESERVED, LOOSE, COUNT, ADDRESSES] = [
  0, 3, 4, 5, 6, 7, 8, 9, 10,
] as const;

function parseAddresses(given: Given): Address6[] {
  if (!given.has('rt-0-addrs')) return [];
  const words = given.text('rt-0-addrs').split(',');
  if (words.length > MAX_ADDRESSES)
    given.fail(`${words.length} addresses, expected at most ${MAX_ADDRESSES}`, 'rt-0-addrs');
  return words.map((word) => parse6(word) ?? given.fail(`${word}, expected an IPv6 address`, 'rt-0-addrs'));
}

export const rt: Match<Rt> = {
  name: 'rt',
  families: ['ipv6'],
  options: [
    { name: 'rt-type', invert: true },
    { name: 'rt-segsleft', invert: true },
    { name: 'rt-len', invert: true },
    { name: 'rt-0-res', words: 0 },
    { name: 'rt-0-addrs' },
    { name: 'rt-0-not-strict', words: 0 },
  ],
  parse(given) {
    const type = given.has('rt-type') ? given.uint('rt-type') : -1;
    const type0 = ['rt-0-res', 'rt-0-addrs'].find((option) => given.has(option));
    if (type0 !== undefined && (type !== 0 || given.inverted('rt-type')))
      given.fail(`--${type0} alone, expected --rt-type 0 with it`, type0);
    if (given.has('rt-0-not-strict') && !given.has('rt-0-addrs'))
      given.fail('--rt-0-not-strict alone, expected --rt-0-addrs with it', 'rt-0-not-strict');
    return {
      segmentsLeft: parseSpi(given, 'rt-segsleft'),
      type,
      invertType: given.inverted('rt-type'),
      length: given.has('rt-len') ? given.uint('rt-len') : -1,
      invertLength: given.inverted('rt-len'),
      reserved: given.has('rt-0-res'),
      addresses: parseAddresses(given),
      notStrict: given.has('rt-0-not-strict'),
    };
  },
  format(options) {
    const words: string[] = [];
    if (options.type >= 0) words.push(`${bang(options.invertType)}--rt-type ${options.type}`);
    words.push(...[formatSpi(options.segmentsLeft, 'rt-segsleft')].filter((word) => word !== ''));
    if (options.length >= 0) words.push(`${bang(options.invertLength)}--rt-len ${options.length}`);
    if (options.reserved) words.push('--rt-0-res');
    if (options.addresses.length > 0) words.push(`--rt-0-addrs ${options.addresses.map(format6).join(',')}`);
    if (options.notStrict) words.push('--rt-0-not-strict');
    return words.join(' ');
  },
  compile: (options) => [
    ...compileSpi(options.segmentsLeft),
    options.type,
    Number(options.invertType),
    options.length,
    Number(options.invertLength),
    Number(options.reserved),
    Number(options.notStrict),
    options.addresses.length,
    ...options.addresses.flat(),
  ],
  test(args, at, pkt, scope) {
    const { view, l3, end } = pkt;
    if (!ext.find(view, l3, end, ext.ROUTING, found)) return false;
    const header = found.at;
    if (header + HEADER_LEN > end) {
      scope.hotdrop = true;
      return false;
    }
    const length = ext.headerLength(view, header, ext.ROUTING);
    if (end - header < length || !testSpi(args, at + SEGMENTS, ext.segmentsLeft(view, header))) return false;
    if (args[at + LENGTH] !== -1 && (args[at + LENGTH] === length) === (args[at + INVERT_LENGTH] === 1)) return false;
    const type = ext.routingType(view, header);
    if (args[at + TYPE] !== -1 && (args[at + TYPE] === type) === (args[at + INVERT_TYPE] === 1)) return false;
    if (args[at + RESERVED] === 1 && view.getUint32(header + 4) !== 0) return false;
    return args[at + COUNT] === 0 || testAddresses(args, at, view, header, length);
  },
};

/** The listed addresses in this order: from the first to the last, or scattered. Runs per packet. */
function testAddresses(args: Int32Array, at: number, v: DataView, header: number, length: number): boolean {
  const count = args[at + COUNT]!;
  const present = Math.floor((length - TYPE0_LEN) / 16);
  if (count > present) return false;
  const loose = args[at + LOOSE] === 1;
  if (!loose && count !== present) return false;
  let i = 0;
  for (let n = 0; n < present && i < count; n++) {
    const address = header + TYPE0_LEN + 16 * n;
    let word = 0;
    while (word < 4 && v.getInt32(address + 4 * word) === args[at + ADDRESSES + 4 * i + word]) word++;
    if (word === 4) i++;
    else if (!loose) return false;
  }
  return i === count;
}
