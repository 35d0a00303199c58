/** Lists of connection states in rules: parse_states and print_state of iptables' libxt_conntrack.c. @module */
import {
  STATE_DNAT,
  STATE_ESTABLISHED,
  STATE_INVALID,
  STATE_NEW,
  STATE_RELATED,
  STATE_SNAT,
  STATE_UNTRACKED,
} from '../conntrack/status.ts';
import type { Given } from './extension.ts';

/** Names with their bits in the order in which they are printed. */
export type BitNames = readonly (readonly [string, number])[];

export const STATES: BitNames = [
  ['INVALID', STATE_INVALID],
  ['NEW', STATE_NEW],
  ['RELATED', STATE_RELATED],
  ['ESTABLISHED', STATE_ESTABLISHED],
  ['UNTRACKED', STATE_UNTRACKED],
];

export const STATES_AND_NAT: BitNames = [...STATES, ['SNAT', STATE_SNAT], ['DNAT', STATE_DNAT]];

/** Bits of `A,B`; beginnings of names count, in any case. @throws {ParseError} */
export function parseBits(given: Given, option: string, names: BitNames): number {
  let bits = 0;
  for (const word of given.text(option).split(',')) {
    const found = names.find(([name]) => word !== '' && name.startsWith(word.toUpperCase()));
    if (found === undefined) {
      return given.fail(`unknown state ${word}, expected some of ${names.map(([name]) => name).join(',')}`, option);
    }
    bits |= found[1];
  }
  return bits;
}

export const formatBits = (bits: number, names: BitNames): string =>
  names
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name)
    .join(',');
