import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Resolution } from '../../src/pcap/index.ts';

const word = fc.integer({ min: 0, max: 0xffffffff });
const code = fc.integer({ min: 0, max: 255 });

const unitsOf = (tsresol: number): bigint =>
  tsresol & 0x80 ? 2n ** BigInt(tsresol & 0x7f) : 10n ** BigInt(tsresol & 0x7f);

function read(tsresol: number, ticks: bigint): { seconds: number; nanos: number } {
  const stamp = { seconds: 0, nanos: 0 };
  Resolution.of(tsresol).toStamp(Number(ticks >> 32n), Number(ticks & 0xffffffffn), stamp);
  return stamp;
}

function write(tsresol: number, seconds: number, nanos: number): bigint {
  const ticks = { ticksHigh: 0, ticksLow: 0 };
  Resolution.of(tsresol).toTicks(seconds, nanos, ticks);
  return (BigInt(ticks.ticksHigh) << 32n) | BigInt(ticks.ticksLow);
}

describe('if_tsresol', () => {
  test.each([
    [0, 1_700_000_000n, 1_700_000_000, 0],
    [3, 1_700_000_000_123n, 1_700_000_000, 123_000_000],
    [6, 1_700_000_000_123_456n, 1_700_000_000, 123_456_000],
    [9, 1_700_000_000_123_456_789n, 1_700_000_000, 123_456_789],
    [10, 17_000_000_001_234_567_899n, 1_700_000_000, 123_456_789],
    [12, 1_700_000_000_123_456n, 1700, 123],
    [127, 2n ** 64n - 1n, 0, 0],
    [0x80 | 1, 3n, 1, 500_000_000],
    [0x80 | 10, 1025n, 1, 976_562],
    [0x80 | 32, 2n ** 32n + 2n ** 31n, 1, 500_000_000],
    [0x80 | 64, 2n ** 63n, 0, 500_000_000],
  ])('%i: %i ticks are %i s and %i ns', (tsresol, ticks, seconds, nanos) => {
    expect(read(tsresol, ticks)).toEqual({ seconds, nanos });
  });

  test('every tick count is cut to the nanosecond exactly', () => {
    fc.assert(
      fc.property(code, word, word, (tsresol, high, low) => {
        const ticks = (BigInt(high) << 32n) | BigInt(low);
        const units = unitsOf(tsresol);
        const nanos = Number(((ticks % units) * 1_000_000_000n) / units);
        expect(read(tsresol, ticks)).toEqual({ seconds: Number(ticks / units), nanos });
      }),
      { numRuns: 2000 },
    );
  });

  test('ticks of a nanosecond or more survive reading and writing', () => {
    const coarse = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0x80, max: 0x80 + 29 }));
    const second = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(coarse, second, word, (tsresol, seconds, fraction) => {
        const units = unitsOf(tsresol);
        const ticks = BigInt(seconds) * units + (BigInt(fraction) % units);
        const stamp = read(tsresol, ticks);
        expect(write(tsresol, stamp.seconds, stamp.nanos)).toBe(ticks);
      }),
      { numRuns: 2000 },
    );
  });

  test('a nanosecond survives ticks of a nanosecond or less', () => {
    const fine = fc.constantFrom(9, 10, 12, 0x80 | 30, 0x80 | 32);
    const nano = fc.integer({ min: 0, max: 999_999_999 });
    fc.assert(
      fc.property(fine, fc.integer({ min: 0, max: 1_000_000 }), nano, (tsresol, seconds, nanos) => {
        const back = read(tsresol, write(tsresol, seconds, nanos));
        const exact = (tsresol & 0x80) === 0;
        const lost = (seconds - back.seconds) * 1e9 + nanos - back.nanos;
        expect(lost).toBeGreaterThanOrEqual(0);
        expect(lost).toBeLessThanOrEqual(exact ? 0 : 1);
      }),
    );
  });

  test('a moment that fits no 64 bits is refused', () => {
    expect(() => write(9, -1, 0)).toThrow(RangeError);
    expect(() => write(18, 19, 0)).toThrow(/fits no 64 bits/);
  });
});
