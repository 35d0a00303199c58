/** `-m esp`: the security parameters index of ESP, net/netfilter/xt_esp.c. @module */
import type { Match } from '../extension.ts';
import { compileSpi, formatSpi, parseSpi, type SpiTest, testSpi } from '../spi-match.ts';
import { hasHeader } from '../transport-header.ts';

const HEADER_LEN = 8;

export const esp: Match<SpiTest> = {
  name: 'esp',
  protocols: [50],
  options: [{ name: 'espspi', invert: true }],
  parse: (given) => parseSpi(given, 'espspi'),
  format: (options) => formatSpi(options, 'espspi'),
  compile: compileSpi,
  test(args, at, pkt, scope) {
    if (!hasHeader(pkt, scope, HEADER_LEN)) return false;
    return testSpi(args, at, pkt.view.getUint32(pkt.l4));
  },
};
