/**
 * `-j CONNSECMARK`: copy a security mark between packet and connection; net/netfilter/xt_CONNSECMARK.c. There are no security
 * marks here, as on a kernel without a security module that makes them, so nothing is copied. @module
 */
import { type Target, XT_CONTINUE } from '../extension.ts';
import { oneOf } from '../number.ts';

export interface Connsecmark {
  readonly mode: 'save' | 'restore';
}

export const connsecmark: Target<Connsecmark> = {
  name: 'CONNSECMARK',
  tables: ['mangle', 'security'],
  needsConntrack: true,
  options: [
    { name: 'save', words: 0 },
    { name: 'restore', words: 0 },
  ],
  parse(given) {
    const mode = oneOf(given, ['save', 'restore']);
    return mode === undefined ? given.fail('CONNSECMARK, expected --save or --restore') : { mode };
  },
  format: ({ mode }) => `--${mode}`,
  compile: () => [],
  run: () => XT_CONTINUE,
};
