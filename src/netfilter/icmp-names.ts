/** Names of ICMP and ICMPv6 types with their codes, as `--icmp-type` and `--icmpv6-type` take them: extensions/libxt_icmp.h. @module */
import type { Given } from './extension.ts';
import { parseUint } from './number.ts';

/** `code` is first and last, both in it. */
export interface IcmpTest {
  readonly type: number;
  readonly code: readonly [number, number];
  readonly invert: boolean;
}

/** `type` or `type/code` of each name. */
export type IcmpNames = Readonly<Record<string, string>>;

const ALL_CODES = [0, 255] as const;

/** `type`, `type/code` or a name (in any case, and as short as it stays the only one). @throws {ParseError} */
export function parseIcmp(given: Given, option: string, names: IcmpNames): IcmpTest {
  const invert = given.inverted(option);
  const text = given.text(option).toLowerCase();
  const named = Object.keys(names).filter((name) => name.toLowerCase().startsWith(text));
  const exact = named.find((name) => name.toLowerCase() === text) ?? named[0];
  if (text !== '' && named.length > 1 && exact?.toLowerCase() !== text) {
    return given.fail(`ICMP type ${text} is ambiguous, expected more letters`, option);
  }
  const value = text !== '' && exact !== undefined ? names[exact]! : text;
  const [type, code, ...more] = value.split('/').map(parseUint);
  const wrong =
    type === undefined || type > 255 || (value.includes('/') && (code === undefined || code > 255)) || more.length > 0;
  if (wrong) return given.fail(`ICMP type ${given.text(option)}, expected a name, a number or number/code`, option);
  return { type, code: code === undefined ? ALL_CODES : [code, code], invert };
}

/** `type` or `type/code`. */
export const formatIcmp = ({ type, code: [first, last] }: IcmpTest): string =>
  first === 0 && last === 255 ? String(type) : `${type}/${first}`;
