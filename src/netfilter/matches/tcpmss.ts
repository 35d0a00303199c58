/** `-m tcpmss`: the maximum segment size that a TCP header announces, net/netfilter/xt_tcpmss.c. @module */
import * as tcp from '../../packet/tcp.ts';
import { MSS } from '../../packet/tcp-options.ts';
import type { Match } from '../extension.ts';
import { bang, formatRange, uintRange } from '../number.ts';

const MSS_LEN = 4;

export interface Tcpmss {
  readonly range: readonly [number, number];
  readonly invert: boolean;
}

export const tcpmss: Match<Tcpmss> = {
  name: 'tcpmss',
  protocols: [6],
  options: [{ name: 'mss', invert: true, required: true }],
  parse(given) {
    const range = uintRange(given, 'mss', 0xffff);
    if (range[0] > range[1]) given.fail(`${given.text('mss')}, expected a range from low to high`, 'mss');
    return { range, invert: given.inverted('mss') };
  },
  format: ({ range, invert }) => `${bang(invert)}--mss ${formatRange(range)}`,
  compile: ({ range, invert }) => [...range, Number(invert)],
  test(args, at, pkt, scope) {
    const { view, l4, end } = pkt;
    const invert = args[at + 2] === 1;
    const header = l4 + tcp.HEADER_LEN;
    const options = header > end ? -1 : tcp.headerLength(view, l4) - tcp.HEADER_LEN;
    if (options < 0 || header + options > end) {
      scope.hotdrop = true;
      return false;
    }
    for (let i = header; i < header + options; ) {
      const kind = view.getUint8(i);
      const length = i + 1 < end ? view.getUint8(i + 1) : 0;
      if (kind === MSS && header + options - i >= MSS_LEN && length === MSS_LEN) {
        const mss = view.getUint16(i + 2);
        return (mss >= args[at]! && mss <= args[at + 1]!) !== invert;
      }
      i += kind < 2 || length === 0 ? 1 : length;
    }
    return invert;
  },
};
