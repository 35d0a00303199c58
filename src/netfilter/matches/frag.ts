/** `-m frag`: the IPv6 fragment header, net/ipv6/netfilter/ip6t_frag.c. @module */
import * as ext from '../../packet/ipv6-ext.ts';
import type { Match } from '../extension.ts';
import { flagOptions, formatFlags, parseFlags } from '../flag-options.ts';
import { bang } from '../number.ts';
import { compileSpi, formatSpi, parseSpi, type SpiTest, testSpi } from '../spi-match.ts';

/** In the order in which they are printed. */
const FLAGS = ['fragres', 'fragfirst', 'fragmore', 'fraglast'] as const;
const RES = 1;
const FIRST = 2;
const MORE = 4;
const LAST = 8;

export interface Frag {
  readonly id: SpiTest;
  /** The kernel does not look at it; 0: not given. */
  readonly length: number;
  readonly invertLength: boolean;
  readonly flags: number;
}

const found = new ext.Found();

export const frag: Match<Frag> = {
  name: 'frag',
  families: ['ipv6'],
  options: [{ name: 'fragid', invert: true }, { name: 'fraglen', invert: true }, ...flagOptions(FLAGS)],
  parse(given) {
    const flags = parseFlags(given, FLAGS);
    if ((flags & (MORE | LAST)) === (MORE | LAST))
      given.fail('--fraglast beside --fragmore, expected one of them', 'fraglast');
    return {
      id: parseSpi(given, 'fragid'),
      length: given.has('fraglen') ? given.uint('fraglen') : 0,
      invertLength: given.inverted('fraglen'),
      flags,
    };
  },
  format({ id, length, invertLength, flags }) {
    const words = [formatSpi(id, 'fragid')].filter((word) => word !== '');
    if (length !== 0) words.push(`${bang(invertLength)}--fraglen ${length}`);
    return [...words, ...formatFlags(flags, FLAGS)].join(' ');
  },
  compile: ({ id, flags }) => [...compileSpi(id), flags],
  test(args, at, pkt, scope) {
    const { view, l3, end } = pkt;
    if (!ext.find(view, l3, end, ext.FRAGMENT, found)) return false;
    if (found.at + ext.FRAGMENT_LEN > end) {
      scope.hotdrop = true;
      return false;
    }
    if (!testSpi(args, at, ext.fragmentId(view, found.at))) return false;
    const flags = args[at + 3]!;
    const field = view.getUint16(found.at + 2);
    if ((flags & RES) !== 0 && (view.getUint8(found.at + 1) !== 0 || (field & 6) !== 0)) return false;
    if ((flags & FIRST) !== 0 && (field & 0xfff8) !== 0) return false;
    if ((flags & MORE) !== 0 && (field & ext.MORE) === 0) return false;
    return (flags & LAST) === 0 || (field & ext.MORE) === 0;
  },
};
