/** What ttl and hl share: a comparison with one byte, include/uapi/linux/netfilter_ipv4/ipt_ttl.h. @module */
import type { Given, OptionSpec } from './extension.ts';
import { bang, oneOf } from './number.ts';

const EQ = 0;
const NE = 1;
const LT = 2;
const GT = 3;

/** What the byte is compared with. */
export interface Hops {
  /** IPT_TTL_EQ, NE, LT, GT. */
  readonly mode: number;
  readonly value: number;
}

/** `--ttl-eq` (or `--ttl`), `--ttl-lt`, `--ttl-gt`. */
export const hopOptions = (prefix: string): readonly OptionSpec[] => [
  { name: `${prefix}-eq`, aliases: [prefix], invert: true },
  { name: `${prefix}-lt` },
  { name: `${prefix}-gt` },
];

/** One of the three options. @throws {ParseError} */
export function parseHops(given: Given, prefix: string): Hops {
  const option = oneOf(given, [`${prefix}-eq`, `${prefix}-lt`, `${prefix}-gt`]);
  if (option === undefined) return given.fail(`no option, expected --${prefix}-eq, --${prefix}-lt or --${prefix}-gt`);
  const value = given.uint(option, 255);
  if (option.endsWith('-eq')) return { mode: given.inverted(option) ? NE : EQ, value };
  return { mode: option.endsWith('-lt') ? LT : GT, value };
}

/** Inverse of {@link parseHops}. */
export function formatHops({ mode, value }: Hops, prefix: string): string {
  if (mode === LT) return `--${prefix}-lt ${value}`;
  if (mode === GT) return `--${prefix}-gt ${value}`;
  return `${bang(mode === NE)}--${prefix}-eq ${value}`;
}

/** Runs per packet. */
export function compareHops(mode: number, hops: number, value: number): boolean {
  switch (mode) {
    case EQ:
      return hops === value;
    case NE:
      return hops !== value;
    case LT:
      return hops < value;
    default:
      return hops > value;
  }
}
