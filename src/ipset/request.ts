/** What a rule asks of a set beside its packet: struct ip_set_adt_opt. @module */

/** Bits of `flags` (cmdflags). */
export const FLAG_EXIST = 1;
export const FLAG_RETURN_NOMATCH = 2;
export const FLAG_SKIP_COUNTERS = 4;
export const FLAG_SKIP_SUBCOUNTERS = 8;
export const FLAG_MATCH_COUNTERS = 16;

/** How a counter is compared. */
export const COUNTER_NONE = 0;
export const COUNTER_EQ = 1;
export const COUNTER_NE = 2;
export const COUNTER_LT = 3;
export const COUNTER_GT = 4;

/** One per rule; its fields change per packet. */
export class Request {
  family: 'inet' | 'inet6' = 'inet';
  /** Directions given; bit i of `source` says that the i-th is src. */
  dimensions = 0;
  source = 0;
  flags = 0;
  packetsTest: number = COUNTER_NONE;
  packets = 0;
  bytesTest: number = COUNTER_NONE;
  bytes = 0;
  /** Seconds of an element that is added, -1 for the set's default. */
  timeout = -1;
  /** Names of the packet's devices, '' where the hook has none. */
  iif = '';
  oif = '';
  /** What the element that matched maps to (skbinfo). */
  mark = 0;
  markMask = 0;
  priority = 0;
  queue = 0;
}

/** What a counter is held against. */
export function counterMatches(counter: number, test: number, value: number): boolean {
  switch (test) {
    case COUNTER_EQ:
      return counter === value;
    case COUNTER_NE:
      return counter !== value;
    case COUNTER_LT:
      return counter < value;
    case COUNTER_GT:
      return counter > value;
    default:
      return true;
  }
}
