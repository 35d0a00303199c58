/** `-j TTL`: set, raise or lower the time to live, net/netfilter/xt_HL.c. @module */
import * as ipv4 from '../../packet/ipv4.ts';
import { type Target, XT_CONTINUE } from '../extension.ts';
import { changeHops, changeOptions, formatChange, type HopsChange, parseChange } from '../hops-target.ts';

export const ttl: Target<HopsChange> = {
  name: 'TTL',
  families: ['ipv4'],
  tables: ['mangle'],
  options: changeOptions('ttl'),
  parse: (given) => parseChange(given, 'ttl'),
  format: (options) => formatChange(options, 'ttl'),
  compile: ({ mode, value }) => [mode, value],
  run(args, at, pkt) {
    const old = ipv4.ttl(pkt.view, pkt.l3);
    const ttl = changeHops(args[at]!, old, args[at + 1]!);
    if (ttl !== old) ipv4.setTtl(pkt.view, pkt.l3, ttl);
    return XT_CONTINUE;
  },
};
