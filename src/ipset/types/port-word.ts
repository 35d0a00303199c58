/** Port and protocol in one word: __be16 port, u8 proto, and a byte that some types use. @module */
import type { Element } from '../element.ts';

/** The word of a key at `at`. */
export function packPort(e: Element, key: Int32Array, at: number): void {
  key[at] = (e.port << 16) | (e.protocol << 8);
}

/** Inverse of {@link packPort}. */
export function unpackPort(e: Element, keys: Int32Array, at: number): void {
  e.port = keys[at]! >>> 16;
  e.protocol = (keys[at]! >>> 8) & 255;
}
