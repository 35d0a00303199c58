/** `-m tos`: the DS field under a mask, net/netfilter/xt_dscp.c. @module */
import { dsfield } from '../dsfield.ts';
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';
import { hexByte, type TosValue, tosValue } from '../tos-value.ts';

export interface Tos extends TosValue {
  readonly invert: boolean;
}

export const tos: Match<Tos> = {
  name: 'tos',
  options: [{ name: 'tos', invert: true, required: true }],
  parse: (given) => ({ ...tosValue(given, 'tos'), invert: given.inverted('tos') }),
  format: ({ value, mask, invert }) => `${bang(invert)}--tos ${hexByte(value)}/${hexByte(mask)}`,
  compile: ({ value, mask, invert }) => [value, mask, Number(invert)],
  test: (args, at, pkt) => ((dsfield(pkt) & args[at + 1]!) === args[at]) !== (args[at + 2] === 1),
};
