/** `-m time`: the hour, the day of week or month, the date; net/netfilter/xt_time.c. The kernel's time zone is UTC here. @module */
import type { Given, Match } from '../extension.ts';
import { boundedUint } from '../number.ts';

const DAY = 86_400;
const LAST_SECOND: number = DAY - 1;
/** Bits 1..7 and 1..31. */
const ALL_WEEKDAYS = 0xfe;
const ALL_MONTHDAYS = 0xffff_fffe;
const WEEKDAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;
/** The date that iptables takes when none is given: INT_MAX. */
const LAST_DATE = 0x7fff_ffff;
const MAX_YEAR = 2038;

export interface Time {
  /** Seconds of the epoch. */
  readonly dateStart: number;
  readonly dateStop: number;
  /** Seconds of the day. */
  readonly start: number;
  readonly stop: number;
  /** Bits by day, 1 is the first. */
  readonly weekdays: number;
  readonly monthdays: number;
  readonly kernelTimeZone: boolean;
  /** A time span over midnight belongs to the day on which it begins. */
  readonly contiguous: boolean;
}

/** `hh:mm[:ss]`. */
function parseClock(given: Given, option: string, absent: number): number {
  if (!given.has(option)) return absent;
  const parts = given
    .text(option)
    .split(':')
    .map((word) => boundedUint(word.replace(/^0+(?=\d)/, ''), 59));
  const [hour, minute, second = 0] = parts;
  if (
    parts.length < 2 ||
    parts.length > 3 ||
    hour === undefined ||
    minute === undefined ||
    parts.includes(undefined) ||
    hour > 23
  )
    return given.fail(`${given.text(option)}, expected hh:mm[:ss]`, option);
  return 3600 * hour + 60 * minute + second;
}

/** Days from 1970-01-01 to a date of the Gregorian calendar; days beyond a month's end run into the next. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const y = month > 2 ? year : year - 1;
  const era = Math.floor(y / 400);
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5);
  const yearOfEra = y - era * 400;
  return (
    era * 146_097 +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear +
    day -
    719_469
  );
}

/** `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`. */
function parseDate(given: Given, option: string, absent: number): number {
  if (!given.has(option)) return absent;
  const text = given.text(option);
  const match = /^(\d+)(?:-(\d+)(?:-(\d+)(?:T(\d+)(?::(\d+)(?::(\d+))?)?)?)?)?$/.exec(text);
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = (match?.slice(1) ?? []).map((digits) =>
    digits === undefined ? undefined : Number(digits),
  );
  const valid =
    year >= 1970 &&
    year <= MAX_YEAR &&
    month >= 1 &&
    month <= 12 &&
    day >= 1 &&
    day <= 31 &&
    hour < 24 &&
    minute < 60 &&
    second < 60;
  if (!valid)
    return given.fail(`${text}, expected a date YYYY[-MM[-DD[Thh[:mm[:ss]]]]] from 1970 to ${MAX_YEAR}`, option);
  return daysSinceEpoch(year, month, day) * DAY + 3600 * hour + 60 * minute + second;
}

function parseDays(given: Given, option: string, all: number, day: (word: string) => number | undefined): number {
  if (!given.has(option)) return all;
  let bits = 0;
  for (const word of given.text(option).split(',')) {
    const bit = day(word);
    if (bit === undefined) return given.fail(`${word}, expected a day`, option);
    bits |= 1 << bit;
  }
  return given.inverted(option) ? (bits ^ all) >>> 0 : bits >>> 0;
}

const weekday = (word: string): number | undefined => {
  const name = WEEKDAYS.findIndex((known) => known.slice(0, 2) === word.slice(0, 2));
  return name >= 0 ? name + 1 : monthday(word, 7);
};
const monthday = (word: string, last = 31): number | undefined => boundedUint(word, last) || undefined;

const two = (n: number): string => String(n).padStart(2, '0');
const formatClock = (s: number): string =>
  `${two(Math.floor(s / 3600))}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;

function formatDate(seconds: number): string {
  const days = Math.floor(seconds / DAY);
  const { year, month, day } = civil(days);
  return `${year}-${two(month)}-${two(day)}T${formatClock(seconds - days * DAY)}`;
}

/** Inverse of {@link daysSinceEpoch}. Allocates. */
function civil(days: number): { year: number; month: number; day: number } {
  let year = 1970 + Math.floor(days / 366);
  while (daysSinceEpoch(year + 1, 1, 1) <= days) year++;
  let month = 12;
  while (daysSinceEpoch(year, month, 1) > days) month--;
  return { year, month, day: days - daysSinceEpoch(year, month, 1) + 1 };
}

/** Day of the month, 1..31, without an object. Runs per packet. */
function dayOfMonth(days: number): number {
  let year = 1970 + Math.floor(days / 366);
  while (daysSinceEpoch(year + 1, 1, 1) <= days) year++;
  let month = 12;
  while (daysSinceEpoch(year, month, 1) > days) month--;
  return days - daysSinceEpoch(year, month, 1) + 1;
}

const daysOf = (bits: number, last: number): number[] =>
  Array.from({ length: last }, (_, i) => i + 1).filter((day) => ((bits >>> day) & 1) !== 0);

export const time: Match<Time> = {
  name: 'time',
  /** Its answer changes while no packet does. */
  stateful: true,
  options: [
    { name: 'datestart' },
    { name: 'datestop' },
    { name: 'timestart' },
    { name: 'timestop' },
    { name: 'weekdays', invert: true },
    { name: 'monthdays', invert: true },
    { name: 'kerneltz', words: 0 },
    { name: 'utc', words: 0 },
    { name: 'contiguous', words: 0 },
  ],
  parse(given) {
    const options = {
      dateStart: parseDate(given, 'datestart', 0),
      dateStop: parseDate(given, 'datestop', LAST_DATE),
      start: parseClock(given, 'timestart', 0),
      stop: parseClock(given, 'timestop', LAST_SECOND),
      weekdays: parseDays(given, 'weekdays', ALL_WEEKDAYS, weekday),
      monthdays: parseDays(given, 'monthdays', ALL_MONTHDAYS, monthday),
      kernelTimeZone: given.has('kerneltz'),
      contiguous: given.has('contiguous'),
    };
    if (options.contiguous && options.start < options.stop)
      given.fail('--contiguous within one day, expected --timestop before --timestart', 'contiguous');
    return options;
  },
  format(options) {
    const { start, stop } = options;
    const words: string[] = [];
    if (start !== 0 || stop !== LAST_SECOND)
      words.push(`--timestart ${formatClock(start)} --timestop ${formatClock(stop)}`);
    if (options.monthdays !== ALL_MONTHDAYS) words.push(`--monthdays ${daysOf(options.monthdays, 31).join(',')}`);
    if (options.weekdays !== ALL_WEEKDAYS) {
      words.push(
        `--weekdays ${daysOf(options.weekdays, 7)
          .map((day) => WEEKDAYS[day - 1])
          .join(',')}`,
      );
    }
    if (options.dateStart !== 0) words.push(`--datestart ${formatDate(options.dateStart)}`);
    words.push(`--datestop ${formatDate(options.dateStop)}`);
    if (options.kernelTimeZone) words.push('--kerneltz');
    if (options.contiguous) words.push('--contiguous');
    return words.join(' ');
  },
  compile: (options) => [
    options.dateStart,
    options.dateStop,
    options.start,
    options.stop,
    options.weekdays,
    options.monthdays,
    Number(options.contiguous),
  ],
  test(args, at, _pkt, { ns }) {
    let now = (ns.world.epochSeconds ?? 0) + Math.floor(ns.clock.now / 1e9);
    if (now < args[at]! >>> 0 || now > args[at + 1]! >>> 0) return false;
    const clock = now % DAY;
    const start = args[at + 2]!;
    const stop = args[at + 3]!;
    if (start < stop) {
      if (clock < start || clock > stop) return false;
    } else {
      if (clock < start && clock > stop) return false;
      if (args[at + 6] === 1 && clock <= stop) now -= DAY;
    }
    const days = Math.floor(now / DAY);
    // 1970-01-01 was a Thursday, the fourth day.
    if (((args[at + 4]! >>> (((3 + days) % 7) + 1)) & 1) === 0) return false;
    const monthdays = args[at + 5]!;
    return monthdays >>> 0 === ALL_MONTHDAYS || ((monthdays >>> dayOfMonth(days)) & 1) !== 0;
  },
};
