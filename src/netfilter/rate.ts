/** `n/second`, `n/minute`, `n/hour`, `n/day` as the rate matches of iptables read and print them: libxt_limit.c. @module */
import type { Given } from './extension.ts';

const UNITS: readonly (readonly [string, number])[] = [
  ['second', 1],
  ['minute', 60],
  ['hour', 3600],
  ['day', 86_400],
];

/** Printed names, longest period first. */
const NAMES: readonly (readonly [string, number])[] = [
  ['day', 86_400],
  ['hour', 3600],
  ['min', 60],
  ['sec', 1],
];

/** A rate as the period of one packet in 1/`scale` seconds. Units may be cut short. @throws {ParseError} */
export function parseRate(given: Given, option: string, scale: number): number {
  const text = given.text(option);
  const [, number = '', unit = 'second'] = /^(\d+)[^/]*(?:\/(.+))?$/.exec(text) ?? [];
  const seconds = UNITS.find(([name]) => name.startsWith(unit.toLowerCase()))?.[1];
  const packets = Number(number);
  if (seconds === undefined || packets === 0 || packets > 0xffff_ffff || text.endsWith('/'))
    return given.fail(`${text}, expected a rate such as 3/second, 3/minute, 3/hour, 3/day`, option);
  const period = Math.floor((scale * seconds) / packets);
  return period === 0 ? given.fail(`${text}, expected a rate of at most ${scale}/second`, option) : period;
}

/** Inverse of {@link parseRate}: in the unit that loses least. */
export function formatRate(period: number, scale: number): string {
  let i = 1;
  while (i < NAMES.length) {
    const ticks = NAMES[i]![1] * scale;
    if (period > ticks || Math.floor(ticks / period) < ticks % period) break;
    i++;
  }
  const [name, seconds] = NAMES[i - 1]!;
  return `${Math.floor((seconds * scale) / period)}/${name}`;
}
