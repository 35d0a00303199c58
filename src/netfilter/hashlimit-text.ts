/** Rates and bursts of hashlimit as text: parse_rate, parse_bytes, parse_burst, print_bytes of libxt_hashlimit.c. @module */
import type { Given } from './extension.ts';
import { BYTE_SHIFT, HASHLIMIT_SCALE } from './hashlimit-table.ts';
import { parseRate } from './rate.ts';

const U32_MAX = 0xffff_ffff;
const KILO = 1024;
const MEGA: number = 1024 * 1024;
const DEFAULT_BURST = 5;
const MAX_BURST = 1_000_000;
/** Seconds after which an entry expires in byte mode, without and with a burst. */
export const BYTE_EXPIRE = 15;
export const BYTE_EXPIRE_BURST = 60;

const bytesToCost = (bytes: number): number => Math.floor(U32_MAX / (Math.floor(bytes / 2 ** BYTE_SHIFT) + 1));
export const costToBytes = (cost: number): number =>
  ((cost === 0 ? U32_MAX : Math.floor(U32_MAX / cost)) - 1) * 2 ** BYTE_SHIFT;

const unitOf = (letter: string): number => (letter === 'k' ? KILO : letter === 'm' ? MEGA : 1);

export interface HashlimitRate {
  readonly bytes: boolean;
  readonly avg: number;
  /** Seconds of the unit that the rate was given in. */
  readonly unit: number;
}

/** `512kb/s`, or packets as `5/min`. @throws {ParseError} */
export function parseHashlimitRate(given: Given, option: string): HashlimitRate {
  const text = given.text(option);
  const [, number, letter = ''] = /^(\d+).*?([km]?)b\/s/.exec(text) ?? [];
  if (number !== undefined && Number(number) !== 0) {
    const bytes = Number(number) * unitOf(letter);
    if (bytes > U32_MAX * 2 ** BYTE_SHIFT) given.fail(`${text}, expected a smaller rate`, option);
    return { bytes: true, avg: bytesToCost(bytes), unit: BYTE_EXPIRE };
  }
  const avg = parseRate(given, option, HASHLIMIT_SCALE);
  const [, name = 's'] = /\/(.)/.exec(text.toLowerCase()) ?? [];
  return { bytes: false, avg, unit: { s: 1, m: 60, h: 3600, d: 86_400 }[name] ?? 1 };
}

/** `7`, `10kb`: packets, or in byte mode how many times the bytes of a second. @throws {ParseError} */
export function parseBurst(given: Given, option: string, { bytes, avg }: HashlimitRate): number {
  if (!given.has(option)) return bytes ? 0 : DEFAULT_BURST;
  const text = given.text(option);
  const [, number, letter] = /^(\d+)(b|kb|mb)?$/.exec(text) ?? [];
  const value = Number(number) * unitOf(letter?.[0] ?? '');
  if (number === undefined || value < 1 || value > (bytes ? U32_MAX : MAX_BURST))
    return given.fail(`${text}, expected 1 to ${MAX_BURST}, or bytes such as 10kb`, option);
  if (!bytes) return value;
  const second = costToBytes(avg);
  if (value < second || second === 0) return given.fail(`${text}, expected at least ${second}b`, option);
  return Math.ceil(value / second);
}

const UNITS: readonly (readonly [string, number])[] = [
  ['mb', MEGA],
  ['kb', KILO],
];

/** Bytes per second in the largest unit that reads back as the same cost; iptables looks at 32 bits of them only. */
export function formatByteRate(avg: number): string {
  const bytes = costToBytes(avg);
  const unit = UNITS.find(([, size]) => bytes >= size && bytesToCost((bytes - (bytes % size)) % 2 ** 32) === avg);
  const [name, size] = unit ?? ['b', 1];
  return `${Math.floor(bytes / size)}${name}/s`;
}

/** A burst of bytes in the largest unit that it reaches, cut. */
export function formatByteBurst(bytes: number): string {
  const [name, size] = UNITS.find(([, unit]) => bytes >= unit) ?? ['b', 1];
  return `${Math.floor(bytes / size)}${name}`;
}
