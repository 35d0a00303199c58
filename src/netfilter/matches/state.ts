/** `-m state [!] --state LIST`: how the packet relates to its connection; net/netfilter/xt_state.c. @module */
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';
import { formatBits, parseBits, STATES } from '../state-list.ts';

export interface StateTest {
  /** STATE_*. */
  readonly states: number;
  readonly invert: boolean;
}

export const state: Match<StateTest> = {
  name: 'state',
  needsConntrack: true,
  options: [{ name: 'state', invert: true, required: true }],
  parse: (given) => ({ states: parseBits(given, 'state', STATES), invert: given.inverted('state') }),
  format: ({ states, invert }) => `${bang(invert)}--state ${formatBits(states, STATES)}`,
  compile: ({ states, invert }) => [states, Number(invert)],
  test: (args, at, pkt, scope) => ((args[at]! & scope.conntrack.stateBit(pkt)) !== 0) !== (args[at + 1] === 1),
};
