/** `value[/mask]` or a name of iproute2, for realm and devgroup: xtables_parse_val_mask, libxtables/xtables.c. @module */
import type { Given } from './extension.ts';
import { boundedUint } from './number.ts';

const ALL = 0xffff_ffff;

/** A value under a mask, or the name of one. */
export interface NamedValue {
  readonly value: number;
  readonly mask: number;
}

/** @throws {ParseError} */
export function parseNamed(given: Given, option: string, names: ReadonlyMap<string, number>): NamedValue {
  const text = given.text(option);
  const named = names.get(text);
  if (named !== undefined) return { value: named, mask: ALL };
  const [value, mask = ALL, ...rest] = text.split('/').map((word) => boundedUint(word));
  if (value === undefined || rest.length > 0 || (text.includes('/') && boundedUint(text.split('/')[1]!) === undefined))
    return given.fail(`${text}, expected value[/mask] or a name`, option);
  return { value, mask };
}

/** Inverse of {@link parseNamed}: a name, if it has one and no mask. */
export function formatNamed({ value, mask }: NamedValue, names: ReadonlyMap<string, number>): string {
  const hex = `0x${value.toString(16)}`;
  if (mask !== ALL) return `${hex}/0x${mask.toString(16)}`;
  return [...names].find(([, known]) => known === value)?.[0] ?? hex;
}
