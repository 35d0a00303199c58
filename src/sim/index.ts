/** Virtual time, seeded chance, and the trace of what happened: what another program imports as `podwire/sim`. @module */
export * from './clock.ts';
export { Random } from './random.ts';
export { TimerWheel } from './timer-wheel.ts';
export * from './trace.ts';
