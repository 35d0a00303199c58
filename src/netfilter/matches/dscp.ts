/** `-m dscp`: the upper six bits of the DS field, net/netfilter/xt_dscp.c. @module */
import { dscpClass, formatDscp } from '../dscp-class.ts';
import { dsfield } from '../dsfield.ts';
import type { Match } from '../extension.ts';
import { bang, oneOf } from '../number.ts';

export interface Dscp {
  readonly value: number;
  readonly invert: boolean;
}

export const dscp: Match<Dscp> = {
  name: 'dscp',
  options: [
    { name: 'dscp', invert: true },
    { name: 'dscp-class', invert: true },
  ],
  parse(given) {
    const option = oneOf(given, ['dscp', 'dscp-class']);
    if (option === undefined) return given.fail('no option, expected --dscp or --dscp-class');
    const value = option === 'dscp' ? given.uint('dscp', 63) : dscpClass(given, 'dscp-class');
    return { value, invert: given.inverted(option) };
  },
  format: ({ value, invert }) => `${bang(invert)}--dscp ${formatDscp(value)}`,
  compile: ({ value, invert }) => [value, Number(invert)],
  test: (args, at, pkt) => (dsfield(pkt) >>> 2 === args[at]) !== (args[at + 1] === 1),
};
