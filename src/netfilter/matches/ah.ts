/** `-m ah`: the authentication header, net/ipv4/netfilter/ipt_ah.c and net/ipv6/netfilter/ip6t_ah.c. @module */
import * as ext from '../../packet/ipv6-ext.ts';
import type { Packet } from '../../packet/packet.ts';
import type { Evaluation, Match } from '../extension.ts';
import { bang } from '../number.ts';
import { compileSpi, formatSpi, parseSpi, type SpiTest, testSpi } from '../spi-match.ts';
import { hasHeader } from '../transport-header.ts';

const HEADER_LEN = 12;
const AH = 51;

export interface Ah {
  readonly spi: SpiTest;
  /** IPv6: bytes of the header, 0 for any. */
  readonly length: number;
  readonly invertLength: boolean;
  /** IPv6: the reserved field is zero. */
  readonly reserved: boolean;
}

const found = new ext.Found();

export const ah: Match<Ah> = {
  name: 'ah',
  options: [
    { name: 'ahspi', invert: true },
    { name: 'ahlen', invert: true },
    { name: 'ahres', words: 0 },
  ],
  parse(given) {
    if (given.family === 'ipv4') {
      const only6 = ['ahlen', 'ahres'].find((option) => given.has(option));
      if (only6 !== undefined) given.fail(`--${only6} for IPv4, expected --ahspi`, only6);
      if (given.protocol !== AH) given.fail('ah for another protocol, expected -p ah');
    }
    return {
      spi: parseSpi(given, 'ahspi'),
      length: given.has('ahlen') ? given.uint('ahlen') : 0,
      invertLength: given.inverted('ahlen'),
      reserved: given.has('ahres'),
    };
  },
  format({ spi, length, invertLength, reserved }) {
    const words = [formatSpi(spi, 'ahspi')].filter((word) => word !== '');
    if (length !== 0) words.push(`${bang(invertLength)}--ahlen ${length}`);
    if (reserved) words.push('--ahres');
    return words.join(' ');
  },
  compile: ({ spi, length, invertLength, reserved }) => [
    ...compileSpi(spi),
    length,
    Number(invertLength),
    Number(reserved),
  ],
  test: (args, at, pkt, scope) => (scope.family === 'ipv4' ? test4(args, at, pkt, scope) : test6(args, at, pkt, scope)),
};

function test4(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean {
  if (!hasHeader(pkt, scope, HEADER_LEN)) return false;
  return testSpi(args, at, pkt.view.getUint32(pkt.l4 + 4));
}

function test6(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean {
  const { view, l3, end } = pkt;
  if (!ext.find(view, l3, end, ext.AUTH, found)) return false;
  if (found.at + HEADER_LEN > end) {
    scope.hotdrop = true;
    return false;
  }
  const length = ext.headerLength(view, found.at, ext.AUTH);
  if (!testSpi(args, at, view.getUint32(found.at + 4))) return false;
  if (args[at + 3] !== 0 && (args[at + 3] === length) === (args[at + 4] === 1)) return false;
  return args[at + 5] === 0 || view.getUint16(found.at + 2) === 0;
}
