/** `-m dst`: the IPv6 destination options header, net/ipv6/netfilter/ip6t_hbh.c. @module */
import * as ext from '../../packet/ipv6-ext.ts';
import type { Match } from '../extension.ts';
import {
  compileOptions,
  formatOptions,
  type Ipv6Options,
  optionSpecs,
  parseOptions,
  testOptions,
} from '../ipv6-options.ts';

export const dst: Match<Ipv6Options> = {
  name: 'dst',
  families: ['ipv6'],
  options: optionSpecs('dst'),
  parse: (given) => parseOptions(given, 'dst'),
  format: (options) => formatOptions(options, 'dst'),
  compile: compileOptions,
  test: (args, at, pkt, scope) => testOptions(args, at, pkt, scope, ext.DEST),
};
