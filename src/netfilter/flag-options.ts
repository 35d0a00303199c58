/** Options without a value as bits: the first name is bit 0. They are printed in the order of the names. @module */
import type { Given, OptionSpec } from './extension.ts';

/** A place on the command line for each name. */
export const flagOptions = (names: readonly string[]): readonly OptionSpec[] =>
  names.map((name) => ({ name, words: 0 }));

/** The bits of the names that were given. */
export const parseFlags = (given: Given, names: readonly string[]): number =>
  names.reduce((bits, name, i) => (given.has(name) ? bits | (1 << i) : bits), 0);

/** `--name` of each bit that is set. Inverse of {@link parseFlags}. */
export const formatFlags = (bits: number, names: readonly string[]): string[] =>
  names.filter((_, i) => (bits & (1 << i)) !== 0).map((name) => `--${name}`);
