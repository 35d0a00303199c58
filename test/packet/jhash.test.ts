import { describe, expect, test } from 'vitest';
import { jhash2 } from '../../src/packet/jhash.ts';
import { swab32 } from '../../src/packet/swab.ts';

describe('jhash2', () => {
  test('of four words is that of Linux', () => {
    const words = Int32Array.of(1, 2, 3, 4).map(swab32);
    expect(jhash2(words, 4, 5) >>> 0).toBe(0x73558c35);
  });

  test('is of the first words only', () => {
    const words = Int32Array.of(7, 8, 9);
    expect(jhash2(words, 2, 1)).toBe(jhash2(words.subarray(0, 2), 2, 1));
    expect(jhash2(words, 2, 1)).not.toBe(jhash2(words, 3, 1));
  });
});
