/** A MAC address in two words: unsigned char ether[6], and two bytes of nothing. @module */
import type { Element } from '../element.ts';

/** Two words of a key from `at` on. */
export function packMac(e: Element, key: Int32Array, at: number): void {
  key[at] = (e.macHigh << 16) | (e.macLow >>> 16);
  key[at + 1] = e.macLow << 16;
}

/** Inverse of {@link packMac}. */
export function unpackMac(e: Element, keys: Int32Array, at: number): void {
  e.macHigh = keys[at]! >>> 16;
  e.macLow = (keys[at]! << 16) | (keys[at + 1]! >>> 16);
}
