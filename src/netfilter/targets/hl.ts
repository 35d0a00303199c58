/** `-j HL`: set, raise or lower the IPv6 hop limit, net/netfilter/xt_HL.c. @module */
import * as ipv6 from '../../packet/ipv6.ts';
import { type Target, XT_CONTINUE } from '../extension.ts';
import { changeHops, changeOptions, formatChange, type HopsChange, parseChange } from '../hops-target.ts';

export const hl: Target<HopsChange> = {
  name: 'HL',
  families: ['ipv6'],
  tables: ['mangle'],
  options: changeOptions('hl'),
  parse: (given) => parseChange(given, 'hl'),
  format: (options) => formatChange(options, 'hl'),
  compile: ({ mode, value }) => [mode, value],
  run(args, at, pkt) {
    const { view, l3 } = pkt;
    ipv6.setHopLimit(view, l3, changeHops(args[at]!, ipv6.hopLimit(view, l3), args[at + 1]!));
    return XT_CONTINUE;
  },
};
