/** `-m u32`: arithmetic on any four bytes of the packet, net/netfilter/xt_u32.c. @module */
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';
import { compileU32, formatU32, parseU32, runU32, type U32Test } from '../u32-program.ts';

export interface U32 {
  readonly tests: readonly U32Test[];
  readonly invert: boolean;
}

export const u32: Match<U32> = {
  name: 'u32',
  options: [{ name: 'u32', invert: true, required: true }],
  parse(given) {
    const tests = parseU32(given.text('u32'));
    return typeof tests === 'string' ? given.fail(tests, 'u32') : { tests, invert: given.inverted('u32') };
  },
  format: ({ tests, invert }) => `${bang(invert)}--u32 "${formatU32(tests)}"`,
  compile: ({ tests, invert }) => [Number(invert), ...compileU32(tests)],
  test: (args, at, pkt) => runU32(args, at + 1, pkt.view, pkt.l3, pkt.end) !== (args[at] === 1),
};
