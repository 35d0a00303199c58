/** Numbers and ranges in the words of extensions: xtables_strtoul and XTTYPE_UINT*RC of iptables (libxtables/xtoptions.c). @module */
import type { Given } from './extension.ts';

/** strtoul with base 0 over a whole word, or undefined. */
export function parseUint(text: string): number | undefined {
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  return /^(0x[\da-f]+|0|[1-9]\d*)$/i.test(text) ? Number(text) : undefined;
}

/** Unsigned decimal, 0x hexadecimal or 0 octal, up to `max`; undefined when it is none. */
export function boundedUint(text: string, max = 0xffff_ffff): number | undefined {
  const value = parseUint(text);
  return value !== undefined && value <= max ? value : undefined;
}

/**
 * `n`, `n:m`, `:m` or `n:` as [first, last], in the order in which they were written. @throws {ParseError} when a bound is
 * no number or above `max`.
 */
export function uintRange(given: Given, option: string, max: number): readonly [number, number] {
  const text = given.text(option);
  const [low = '', high = low, ...rest] = text.split(':');
  const first = low === '' ? 0 : boundedUint(low, max);
  const last = high === '' ? max : boundedUint(high, max);
  if (text === '' || first === undefined || last === undefined || rest.length > 0)
    return given.fail(`${text}, expected a number or a range a:b of 0-${max}`, option);
  return [first, last];
}

/** A range as most extensions print it: one number when both bounds are equal. */
export const formatRange = ([first, last]: readonly [number, number]): string =>
  first === last ? String(first) : `${first}:${last}`;

/** `! ` or nothing. */
export const bang = (invert: boolean): string => (invert ? '! ' : '');

/** Of `options`, the one that was given; undefined when none was. @throws {ParseError} when it was more than one. */
export function oneOf<T extends string>(given: Given, options: readonly T[]): T | undefined {
  const [first, second] = options.filter((option) => given.has(option));
  if (second !== undefined) given.fail(`--${second} beside --${first}, expected one of them`, second);
  return first;
}
