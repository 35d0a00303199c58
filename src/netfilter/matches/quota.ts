/** `-m quota`: as long as a number of bytes lasts, net/netfilter/xt_quota.c. @module */
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';

export interface Quota {
  /** Bytes, up to 2^64 - 1. */
  readonly bytes: bigint;
  readonly invert: boolean;
}

export const quota: Match<Quota> = {
  name: 'quota',
  stateful: true,
  options: [{ name: 'quota', invert: true, required: true }],
  parse(given) {
    const text = given.text('quota');
    const bytes = /^(0x[\da-f]+|\d+)$/i.test(text) ? BigInt(text) : -1n;
    if (bytes < 0n || bytes >= 2n ** 64n) given.fail(`${text}, expected a number of bytes`, 'quota');
    return { bytes, invert: given.inverted('quota') };
  },
  format: ({ bytes, invert }) => `${bang(invert)}--quota ${bytes}`,
  compile: ({ bytes, invert }, to) => [to.cells(Number(bytes)), Number(invert)],
  test(args, at, pkt, { cells }) {
    const cell = args[at]!;
    const length = pkt.end - pkt.l3;
    const enough = cells[cell]! >= length;
    // Once it does not suffice, not even smaller packets pass.
    cells[cell] = enough ? cells[cell]! - length : 0;
    return enough !== (args[at + 1] === 1);
  },
};
