/** What esp, ah and ipcomp share: a range of security parameter indices, net/netfilter/xt_esp.c. @module */
import type { Given } from './extension.ts';
import { bang, formatRange, uintRange } from './number.ts';

const MAX = 0xffff_ffff;

/** First and last index, both in it. */
export interface SpiTest {
  readonly range: readonly [number, number];
  readonly invert: boolean;
}

export const parseSpi = (given: Given, option: string): SpiTest => ({
  range: given.has(option) ? uintRange(given, option, MAX) : [0, MAX],
  invert: given.inverted(option),
});

/** '' for every index, inverted or not. */
export const formatSpi = ({ range, invert }: SpiTest, option: string): string =>
  range[0] === 0 && range[1] === MAX ? '' : `${bang(invert)}--${option} ${formatRange(range)}`;

export const compileSpi = ({ range, invert }: SpiTest): number[] => [...range, Number(invert)];

/** Runs per packet. */
export const testSpi = (args: Int32Array, at: number, spi: number): boolean =>
  (spi >= args[at]! >>> 0 && spi <= args[at + 1]! >>> 0) !== (args[at + 2] === 1);
