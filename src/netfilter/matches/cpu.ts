/** `-m cpu`: the processor that handles the packet, net/netfilter/xt_cpu.c. There is one here, number 0. @module */
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';

export interface Cpu {
  readonly cpu: number;
  readonly invert: boolean;
}

export const cpu: Match<Cpu> = {
  name: 'cpu',
  options: [{ name: 'cpu', invert: true, required: true }],
  parse: (given) => ({ cpu: given.uint('cpu'), invert: given.inverted('cpu') }),
  format: ({ cpu, invert }) => `${bang(invert)}--cpu ${cpu}`,
  compile: ({ cpu, invert }) => [Number((cpu === 0) !== invert)],
  test: (args, at) => args[at] === 1,
};
