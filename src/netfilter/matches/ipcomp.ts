/** `-m ipcomp`: the compression parameter index of IPComp, net/netfilter/xt_ipcomp.c. @module */
import type { Match } from '../extension.ts';
import { compileSpi, formatSpi, parseSpi, type SpiTest, testSpi } from '../spi-match.ts';
import { hasHeader } from '../transport-header.ts';

const HEADER_LEN = 4;

export interface Ipcomp {
  readonly spi: SpiTest;
  /** `--compres`: the kernel takes it and does not look. */
  readonly reserved: boolean;
}

export const ipcomp: Match<Ipcomp> = {
  name: 'ipcomp',
  protocols: [108],
  options: [
    { name: 'ipcompspi', invert: true },
    { name: 'compres', words: 0 },
  ],
  parse: (given) => ({
    // Without an option it is the index 0, other than for esp.
    spi: given.has('ipcompspi') ? parseSpi(given, 'ipcompspi') : { range: [0, 0], invert: false },
    reserved: given.has('compres'),
  }),
  format: ({ spi, reserved }) =>
    [formatSpi(spi, 'ipcompspi'), reserved ? '--compres' : ''].filter((word) => word !== '').join(' '),
  compile: ({ spi }) => compileSpi(spi),
  test(args, at, pkt, scope) {
    if (!hasHeader(pkt, scope, HEADER_LEN)) return false;
    return testSpi(args, at, pkt.view.getUint16(pkt.l4 + 2));
  },
};
