/** What TTL and HL share: a change of one byte, include/uapi/linux/netfilter_ipv4/ipt_TTL.h. @module */
import type { Given, OptionSpec } from './extension.ts';
import { oneOf } from './number.ts';

const MODES = ['set', 'inc', 'dec'] as const;
const SET = 0;
const INC = 1;

/** What becomes of the byte. */
export interface HopsChange {
  /** 0 set, 1 increment, 2 decrement. */
  readonly mode: number;
  readonly value: number;
}

/** `--ttl-set`, `--ttl-inc`, `--ttl-dec`. */
export const changeOptions = (prefix: string): readonly OptionSpec[] =>
  MODES.map((mode) => ({ name: `${prefix}-${mode}` }));

/** One of the three options. @throws {ParseError} */
export function parseChange(given: Given, prefix: string): HopsChange {
  const names = MODES.map((mode) => `${prefix}-${mode}`);
  const option = oneOf(given, names);
  if (option === undefined) return given.fail(`no action, expected --${names.join(', --')}`);
  const mode = names.indexOf(option);
  return { mode, value: given.uint(option, 255, mode === SET ? 0 : 1) };
}

export const formatChange = ({ mode, value }: HopsChange, prefix: string): string =>
  `--${prefix}-${MODES[mode]!} ${value}`;

/** The byte that becomes of `hops`. Runs per packet. */
export function changeHops(mode: number, hops: number, value: number): number {
  if (mode === SET) return value;
  return mode === INC ? Math.min(hops + value, 255) : Math.max(hops - value, 0);
}
