/** `-m hbh`: the IPv6 hop-by-hop options header, net/ipv6/netfilter/ip6t_hbh.c. @module */
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

export const hbh: Match<Ipv6Options> = {
  name: 'hbh',
  families: ['ipv6'],
  options: optionSpecs('hbh'),
  parse: (given) => parseOptions(given, 'hbh'),
  format: (options) => formatOptions(options, 'hbh'),
  compile: compileOptions,
  test: (args, at, pkt, scope) => testOptions(args, at, pkt, scope, ext.HOP),
};
