/**
 * `-m helper [!] --helper NAME`: the packet's connection was expected by a helper; net/netfilter/xt_helper.c. No helper runs
 * here, so no connection ever was. @module
 */
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';
import { quote } from '../words.ts';

export interface HelperTest {
  readonly helper: string;
  readonly invert: boolean;
}

export const helper: Match<HelperTest> = {
  name: 'helper',
  needsConntrack: true,
  options: [{ name: 'helper', invert: true, required: true }],
  parse: (given) => ({ helper: given.text('helper'), invert: given.inverted('helper') }),
  format: (options) => `${bang(options.invert)}--helper ${quote(options.helper)}`,
  compile: ({ invert }) => [Number(invert)],
  test: (args, at) => args[at] === 1,
};
