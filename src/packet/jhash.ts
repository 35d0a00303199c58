/** Bob Jenkins' hash over words in network order: jhash2 of include/linux/jhash.h, as a little-endian machine has it. @module */
import { swab32 } from './swab.ts';

const SEED = 0xdeadbeef;

/** The int32 hash of the first `length` words, each as its four bytes lie in memory. Runs per packet: no allocation. */
export function jhash2(words: Int32Array, length: number, initval: number): number {
  let a = (SEED + (length << 2) + initval) | 0;
  let b = a;
  let c = a;
  let i = 0;
  for (; length - i > 3; i += 3) {
    a = (a + swab32(words[i]!)) | 0;
    b = (b + swab32(words[i + 1]!)) | 0;
    c = (c + swab32(words[i + 2]!)) | 0;
    a = ((a - c) ^ ((c << 4) | (c >>> 28))) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ ((a << 6) | (a >>> 26))) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ ((b << 8) | (b >>> 24))) | 0;
    b = (b + a) | 0;
    a = ((a - c) ^ ((c << 16) | (c >>> 16))) | 0;
    c = (c + b) | 0;
    b = ((b - a) ^ ((a << 19) | (a >>> 13))) | 0;
    a = (a + c) | 0;
    c = ((c - b) ^ ((b << 4) | (b >>> 28))) | 0;
    b = (b + a) | 0;
  }
  const rest = length - i;
  if (rest > 2) c = (c + swab32(words[i + 2]!)) | 0;
  if (rest > 1) b = (b + swab32(words[i + 1]!)) | 0;
  a = (a + swab32(words[i]!)) | 0;
  c = ((c ^ b) - ((b << 14) | (b >>> 18))) | 0;
  a = ((a ^ c) - ((c << 11) | (c >>> 21))) | 0;
  b = ((b ^ a) - ((a << 25) | (a >>> 7))) | 0;
  c = ((c ^ b) - ((b << 16) | (b >>> 16))) | 0;
  a = ((a ^ c) - ((c << 4) | (c >>> 28))) | 0;
  b = ((b ^ a) - ((a << 14) | (a >>> 18))) | 0;
  return ((c ^ b) - ((b << 24) | (b >>> 8))) | 0;
}
