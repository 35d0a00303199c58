/** `-m ttl`: the IPv4 time to live, net/netfilter/xt_hl.c. @module */
import * as ipv4 from '../../packet/ipv4.ts';
import type { Match } from '../extension.ts';
import { compareHops, formatHops, type Hops, hopOptions, parseHops } from '../hops.ts';

export const ttl: Match<Hops> = {
  name: 'ttl',
  families: ['ipv4'],
  options: hopOptions('ttl'),
  parse: (given) => parseHops(given, 'ttl'),
  format: (options) => formatHops(options, 'ttl'),
  compile: ({ mode, value }) => [mode, value],
  test: (args, at, pkt) => compareHops(args[at]!, ipv4.ttl(pkt.view, pkt.l3), args[at + 1]!),
};
