/**
 * Time stamps: 64-bit counts of ticks since the epoch at any if_tsresol, to and from whole seconds and nanoseconds (a
 * double cannot hold nanoseconds since 1970). draft-ietf-opsawg-pcapng, "if_tsresol". @module
 */

/** A moment: seconds since 1970-01-01 UTC (may be negative) and nanoseconds 0..999,999,999 after it. */
export interface Stamp {
  seconds: number;
  nanos: number;
}

/** A 64-bit count of ticks as two uint32. */
export interface Ticks {
  ticksHigh: number;
  ticksLow: number;
}

const NANOS = 1e9;
const WORD = 2 ** 32;

/**
 * One value of if_tsresol. Ticks finer than a nanosecond are cut (towards the past) when read, as is anything finer
 * than a tick when written; ticks of a nanosecond or more survive both unchanged.
 */
export class Resolution {
  /** The option's byte: 10^-code, or 2^-(code - 128) with the top bit set. */
  readonly code: number;
  private readonly units: bigint;
  /** Ticks per second where doubles are exact (10^0..10^9, 2^0..2^23), otherwise 0. */
  private readonly fast: number;
  private readonly nanosPerTick: number;

  private constructor(code: number) {
    const binary = (code & 0x80) !== 0;
    const power = code & 0x7f;
    this.code = code;
    this.units = binary ? 1n << BigInt(power) : 10n ** BigInt(power);
    this.fast = power <= (binary ? 23 : 9) ? Number(this.units) : 0;
    this.nanosPerTick = NANOS / Number(this.units);
  }

  /** The resolution that an if_tsresol byte (0..255) names. */
  static of(code: number): Resolution {
    known[code] ??= new Resolution(code);
    return known[code];
  }

  /** Put the moment of a tick count into `stamp`. Runs per packet: no allocation up to nanoseconds. */
  toStamp(high: number, low: number, stamp: Stamp): void {
    const { fast } = this;
    if (fast === 0) {
      this.toStampExactly(high, low, stamp);
      return;
    }
    const first = Math.floor(high / fast);
    let rest = (high - first * fast) * 65536 + (low >>> 16);
    const second = Math.floor(rest / fast);
    rest = (rest - second * fast) * 65536 + (low & 0xffff);
    const third = Math.floor(rest / fast);
    stamp.seconds = first * WORD + second * 65536 + third;
    stamp.nanos = Math.floor((rest - third * fast) * this.nanosPerTick);
  }

  /**
   * Put the tick count of a moment into `ticks`: the last tick that reads as this nanosecond, or the first one when ticks
   * are finer. Runs per packet. @throws {RangeError} when it is before 1970 or fits no 64 bits
   */
  toTicks(seconds: number, nanos: number, ticks: Ticks): void {
    const { fast } = this;
    if (fast === 0 || seconds < 0 || seconds >= WORD) {
      this.toTicksExactly(seconds, nanos, ticks);
      return;
    }
    const upper = (seconds >>> 16) * fast;
    const high = Math.floor(upper / 65536);
    const fraction = Math.ceil((nanos + 1) / this.nanosPerTick) - 1;
    const low = (upper - high * 65536) * 65536 + (seconds & 0xffff) * fast + fraction;
    ticks.ticksHigh = high + Math.floor(low / WORD);
    ticks.ticksLow = low >>> 0;
  }

  private toStampExactly(high: number, low: number, stamp: Stamp): void {
    const ticks = (BigInt(high) << 32n) | BigInt(low);
    stamp.seconds = Number(ticks / this.units);
    stamp.nanos = Number(((ticks % this.units) * 1_000_000_000n) / this.units);
  }

  private toTicksExactly(seconds: number, nanos: number, ticks: Ticks): void {
    const scaled = BigInt(nanos) * this.units;
    const fraction = this.nanosPerTick < 1 ? scaled : scaled + this.units - 1n;
    const count = BigInt(seconds) * this.units + fraction / 1_000_000_000n;
    if (count < 0n || count >> 64n !== 0n) {
      throw new RangeError(`time ${seconds}.${`${nanos}`.padStart(9, '0')} fits no 64 bits at if_tsresol ${this.code}`);
    }
    ticks.ticksHigh = Number(count >> 32n);
    ticks.ticksLow = Number(count & 0xffff_ffffn);
  }
}

const known: (Resolution | undefined)[] = [];
