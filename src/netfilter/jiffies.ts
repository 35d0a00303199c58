/**
 * The kernel's tick. HZ is 250, as distributions build it; what counts in jiffies (limit, hashlimit, recent) sees time in
 * steps of 4 ms. @module
 */
import type { Clock } from '../sim/clock.ts';

/** Ticks per second. */
export const HZ = 250;
const TICK = 1e9 / HZ;

/** Ticks since the run began. */
export const jiffies = (clock: Clock): number => Math.floor(clock.now / TICK);
