/** Port and protocol in one word: __be16 port, u8 proto, and a byte that some types use. @module */
import type { Element } from '../element.ts';

export function packPort(e: Element, key: Int32Array, at: number): void {
  key[at] = (e.port << 16) | (e.protocol << 8);
}

export function unpackPort(e: Element, keys: Int32Array, at: number): void {
  e.port = keys[at]! >>> 16;
  e.protocol = (keys[at]! >>> 8) & 255;
}
