/** `-m physdev`: the bridge ports that a bridged packet came in by and leaves by, net/netfilter/xt_physdev.c. @module */
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';

/** Bits, as XT_PHYSDEV_OP_*. */
const IN = 1;
const OUT = 2;
const BRIDGED = 4;
const ISIN = 8;
const ISOUT = 16;

export interface Physdev {
  /** Which options were given, and which of them with `!`. */
  readonly bits: number;
  readonly invert: number;
  /** Device names or patterns, '' when not given. */
  readonly physIn: string;
  readonly physOut: string;
}

/** In the order in which iptables-save prints them. */
const OPTIONS: readonly (readonly [string, number])[] = [
  ['physdev-is-in', ISIN],
  ['physdev-in', IN],
  ['physdev-is-out', ISOUT],
  ['physdev-out', OUT],
  ['physdev-is-bridged', BRIDGED],
];

export const physdev: Match<Physdev> = {
  name: 'physdev',
  options: OPTIONS.map(([name, bit]) => ({ name, invert: true, words: (bit & (IN | OUT)) !== 0 ? 1 : 0 })),
  parse(given) {
    let [bits, invert] = [0, 0];
    for (const [name, bit] of OPTIONS) {
      if (given.has(name)) bits |= bit;
      if (given.inverted(name)) invert |= bit;
    }
    if (bits === 0) given.fail('no option, expected a --physdev-... option');
    // physdev_mt_check: nobody knows the port yet where a local packet goes out.
    const unknownPort = (bits & (OUT | ISOUT)) !== 0 && ((bits & BRIDGED) === 0 || (invert & BRIDGED) !== 0);
    if (unknownPort && given.chain === 'OUTPUT')
      given.fail(
        'an out port in OUTPUT, expected FORWARD or POSTROUTING',
        (bits & OUT) !== 0 ? 'physdev-out' : 'physdev-is-out',
      );
    return { bits, invert, physIn: given.text('physdev-in'), physOut: given.text('physdev-out') };
  },
  format({ bits, invert, physIn, physOut }) {
    const words = OPTIONS.filter(([, bit]) => (bits & bit) !== 0).map(([name, bit]) => {
      const device = bit === IN ? ` ${physIn}` : bit === OUT ? ` ${physOut}` : '';
      return `${bang((invert & bit) !== 0)}--${name}${device}`;
    });
    return words.join(' ');
  },
  compile: ({ bits, invert, physIn, physOut }, to) => [
    bits,
    invert,
    (bits & IN) === 0 ? 0 : to.devicePattern(physIn),
    (bits & OUT) === 0 ? 0 : to.devicePattern(physOut),
  ],
  test(args, at, pkt, scope) {
    const bits = args[at]!;
    const invert = args[at + 1]!;
    const { physIn, physOut } = pkt;
    // No bridge knows it: every option fails unless it is inverted.
    if (physIn === 0 && physOut === 0) return (bits & ~invert) === 0;
    if ((bits & BRIDGED) !== 0 && (physOut !== 0) === ((invert & BRIDGED) !== 0)) return false;
    if ((bits & ISIN) !== 0 && (physIn !== 0) === ((invert & ISIN) !== 0)) return false;
    if ((bits & ISOUT) !== 0 && (physOut !== 0) === ((invert & ISOUT) !== 0)) return false;
    const { devices } = scope.ns;
    if ((bits & IN) !== 0 && physIn !== 0) {
      if (scope.deviceMatches(args[at + 2]!, devices[physIn]!) === ((invert & IN) !== 0)) return false;
    }
    if ((bits & OUT) === 0) return true;
    // A port that is not known does not match, inverted or not.
    return physOut !== 0 && scope.deviceMatches(args[at + 3]!, devices[physOut]!) !== ((invert & OUT) !== 0);
  },
};
