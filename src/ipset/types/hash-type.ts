/** What tells one hash type from another: its parts, and how they lie in memory behind the addresses. @module */
import type { Element } from '../element.ts';

/** Parts in the order of the text and of a rule's directions. A `net` has a prefix length of its own. */
export type Part = 'ip' | 'net' | 'port' | 'mac' | 'mark' | 'iface';

/** What makes one hash type different from another. */
export interface HashType {
  readonly name: string;
  readonly parts: readonly Part[];
  /** Words behind the addresses, and how many of them are hashed (default all). */
  readonly tail: number;
  readonly hashedTail?: number;
  readonly options?: readonly ('netmask' | 'bitmask' | 'markmask')[];
  /** `netmask` and `bitmask` are printed behind everything else. */
  readonly maskLast?: boolean;
  /** An address of zeros cannot be stored, and how the kernel says so. */
  readonly zero?: 'null' | 'invalid';
  /** A prefix length of 0 is one. */
  readonly net0?: boolean;
  /** Write the tail at `at`, each word as its bytes lie in memory, first byte highest. */
  pack(e: Element, key: Int32Array, at: number): void;
  /** Inverse of pack. */
  unpack(e: Element, keys: Int32Array, at: number): void;
}
