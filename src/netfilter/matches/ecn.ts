/** `-m ecn`: the ECN bits of IP and TCP, net/netfilter/xt_ecn.c. @module */
import * as tcp from '../../packet/tcp.ts';
import { dsfield } from '../dsfield.ts';
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';

/** Bits of `tests`, `invert`. */
const IP = 1;
const ECE = 2;
const CWR = 4;
/** In the order in which they are printed. */
const OPTIONS: readonly (readonly [string, number])[] = [
  ['ecn-tcp-ece', ECE],
  ['ecn-tcp-cwr', CWR],
  ['ecn-ip-ect', IP],
];
const TCP = 6;

export interface Ecn {
  readonly tests: number;
  readonly invert: number;
  /** 0..3. */
  readonly ect: number;
}

export const ecn: Match<Ecn> = {
  name: 'ecn',
  options: OPTIONS.map(([name, bit]) => ({ name, invert: true, words: bit === IP ? 1 : 0 })),
  parse(given) {
    let [tests, invert] = [0, 0];
    for (const [name, bit] of OPTIONS) {
      if (given.has(name)) tests |= bit;
      if (given.inverted(name)) invert |= bit;
    }
    if (tests === 0) given.fail('no option, expected --ecn-tcp-ece, --ecn-tcp-cwr or --ecn-ip-ect');
    if ((tests & (ECE | CWR)) !== 0 && given.protocol !== TCP) given.fail('a TCP flag, expected -p tcp with it');
    return { tests, invert, ect: (tests & IP) !== 0 ? given.uint('ecn-ip-ect', 3) : 0 };
  },
  format({ tests, invert, ect }) {
    const given = OPTIONS.filter(([, bit]) => (tests & bit) !== 0);
    return given.map(([name, bit]) => `${bang((invert & bit) !== 0)}--${name}${bit === IP ? ` ${ect}` : ''}`).join(' ');
  },
  compile: ({ tests, invert, ect }) => [tests, invert, ect],
  test(args, at, pkt) {
    const tests = args[at]!;
    const invert = args[at + 1]!;
    if ((tests & IP) !== 0 && ((dsfield(pkt) & 3) === args[at + 2]) === ((invert & IP) !== 0)) return false;
    if ((tests & (ECE | CWR)) === 0) return true;
    if (pkt.l4 + tcp.HEADER_LEN > pkt.end) return false;
    const flags = tcp.flags(pkt.view, pkt.l4);
    if ((tests & ECE) !== 0 && ((flags & tcp.ECE) !== 0) === ((invert & ECE) !== 0)) return false;
    return (tests & CWR) === 0 || ((flags & tcp.CWR) !== 0) !== ((invert & CWR) !== 0);
  },
};
