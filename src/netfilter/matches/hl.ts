/** `-m hl`: the IPv6 hop limit, net/netfilter/xt_hl.c. @module */
import * as ipv6 from '../../packet/ipv6.ts';
import type { Match } from '../extension.ts';
import { compareHops, formatHops, type Hops, hopOptions, parseHops } from '../hops.ts';

export const hl: Match<Hops> = {
  name: 'hl',
  families: ['ipv6'],
  options: hopOptions('hl'),
  parse: (given) => parseHops(given, 'hl'),
  format: (options) => formatHops(options, 'hl'),
  compile: ({ mode, value }) => [mode, value],
  test: (args, at, pkt) => compareHops(args[at]!, ipv6.hopLimit(pkt.view, pkt.l3), args[at + 1]!),
};
