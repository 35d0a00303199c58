/** Words of packets as a little-endian machine sees them in memory: include/uapi/linux/swab.h. @module */

/** A word with its bytes in the other order, int32: __swab32. */
export const swab32 = (word: number): number =>
  (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
