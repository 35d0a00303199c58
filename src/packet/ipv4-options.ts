/**
 * Options of the IPv4 header, RFC 791 section 3.1, RFC 2113 (include/uapi/linux/ip.h). An option is found by its first
 * byte's offset `i`; options lie in [at + 20, at + header length). @module
 */
import { HEADER_LEN, headerLength } from './ipv4.ts';

/** Kinds: copied flag, class and number in one byte. */
export const END = 0;
export const NOOP = 1;
export const RR = 7;
export const TIMESTAMP = 68;
export const SEC = 130;
export const LSRR = 131;
export const CIPSO = 134;
export const SID = 136;
export const SSRR = 137;
/** Router alert. */
export const RA = 148;

/** Set in a kind: the option goes into every fragment. */
export const COPY = 0x80;

/** Flags of a timestamp option: stamps alone; with addresses; at the listed addresses only. */
export const TS_TSONLY = 0;
export const TS_TSANDADDR = 1;
export const TS_PRESPEC = 3;

/** What a pointer is at least: the first slot of a route (4), of a timestamp (5); both count from 1. */
export const MIN_ROUTE_POINTER = 4;
export const MIN_TIMESTAMP_POINTER = 5;

export const kind = (v: DataView, i: number): number => v.getUint8(i);
/** Bytes of the option at `i`: 1 for END and NOOP, else what it says, unchecked; the options end at `end`. */
export const length = (v: DataView, i: number, end: number): number => {
  if (v.getUint8(i) <= NOOP) return 1;
  return i + 1 < end ? v.getUint8(i + 1) : 0;
};
/** Of a route or timestamp option: the next slot, counted from 1 at the kind. */
export const pointer = (v: DataView, i: number): number => v.getUint8(i + 2);
/** Of a timestamp option: hops that found no slot, 0..15; and its flags, TS_*. */
export const overflow = (v: DataView, i: number): number => v.getUint8(i + 3) >>> 4;
export const timestampFlags = (v: DataView, i: number): number => v.getUint8(i + 3) & 15;

export const setPointer = (v: DataView, i: number, value: number): void => v.setUint8(i + 2, value);
export const setOverflow = (v: DataView, i: number, value: number): void =>
  v.setUint8(i + 3, (v.getUint8(i + 3) & 15) | (value << 4));

/** The options of the header at `at`: first byte, and one past the last. */
export const begin = (at: number): number => at + HEADER_LEN;
export const end = (v: DataView, at: number): number => at + headerLength(v, at);

/**
 * The option behind the one at `i`, or -1: after END, at the end, or where a length is bad (under 2 or beyond the end).
 * `for (let i = first(v, at); i >= 0; i = next(v, at, i))` visits all. Runs per packet.
 */
export function next(v: DataView, at: number, i: number): number {
  const last = end(v, at);
  const bytes = length(v, i, last);
  if (kind(v, i) === END || bytes < (kind(v, i) === NOOP ? 1 : 2) || i + bytes >= last) return -1;
  return isWhole(v, i + bytes, last) ? i + bytes : -1;
}

/** The first option, or -1 if there is none or its length is bad. */
export const first = (v: DataView, at: number): number =>
  begin(at) < end(v, at) && isWhole(v, begin(at), end(v, at)) ? begin(at) : -1;

/** The option of this kind, or -1. */
export function find(v: DataView, at: number, wanted: number): number {
  for (let i = first(v, at); i >= 0; i = next(v, at, i)) if (kind(v, i) === wanted) return i;
  return -1;
}

/** Its length is at least 2 (NOOP, END: 1) and within the options. */
function isWhole(v: DataView, i: number, last: number): boolean {
  const bytes = length(v, i, last);
  return bytes >= (kind(v, i) <= NOOP ? 1 : 2) && i + bytes <= last;
}
