/** `value[/mask]` and the old names of the TOS byte: iptables' extensions/tos_values.c. @module */
import type { Given } from './extension.ts';
import { boundedUint } from './number.ts';

const NAMES: readonly (readonly [string, number])[] = [
  ['Minimize-Delay', 0x10],
  ['Maximize-Throughput', 0x08],
  ['Maximize-Reliability', 0x04],
  ['Minimize-Cost', 0x02],
  ['Normal-Service', 0x00],
];
/** The bits that the names are about: the precedence above them is left alone. */
const NAME_MASK = 0x3f;

export interface TosValue {
  readonly value: number;
  readonly mask: number;
}

/** A number, a number with mask, or a name in any case (its mask is 0x3f). @throws {ParseError} */
export function tosValue(given: Given, option: string): TosValue {
  const text = given.text(option);
  const [number = '', bits, ...rest] = text.split('/');
  const value = boundedUint(number, 255);
  const mask = bits === undefined ? 255 : boundedUint(bits, 255);
  if (value !== undefined && mask !== undefined && rest.length === 0) return { value, mask };
  const named = NAMES.find(([name]) => name.toLowerCase() === text.toLowerCase());
  if (named === undefined) return given.fail(`${text}, expected value[/mask] of 8 bits or a TOS name`, option);
  return { value: named[1], mask: NAME_MASK };
}

/** Two hexadecimal digits. */
export const hexByte = (value: number): string => `0x${value.toString(16).padStart(2, '0')}`;
