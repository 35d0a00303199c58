/** `-m connmark [!] --mark value[/mask]`: the connection's mark; net/netfilter/xt_connmark.c. @module */
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';
import type { MarkTest } from './mark.ts';

const hex = (value: number): string => `0x${value.toString(16)}`;

export const connmark: Match<MarkTest> = {
  name: 'connmark',
  needsConntrack: true,
  options: [{ name: 'mark', invert: true, required: true }],
  parse: (given) => ({ ...given.markMask('mark'), invert: given.inverted('mark') }),
  format: ({ value, mask, invert }) =>
    `${bang(invert)}--mark ${hex(value)}${mask === 0xffffffff ? '' : `/${hex(mask)}`}`,
  compile: ({ value, mask, invert }) => [value | 0, mask | 0, Number(invert)],
  test(args, at, pkt, scope) {
    if (pkt.ct < 0) return false;
    return ((scope.conntrack.table.mark[pkt.ct]! & args[at + 1]!) === args[at]) !== (args[at + 2] === 1);
  },
};
