import { describe, expect, test } from 'vitest';
import { Clock, MILLISECOND, SECOND } from '../../src/sim/clock.ts';
import { JIFFY, TimerWheel } from '../../src/sim/timer-wheel.ts';

function wheel(): { clock: Clock; timers: TimerWheel; ran: string[]; set(delay: number, name: number): number } {
  const clock = new Clock();
  const timers = new TimerWheel(clock);
  const ran: string[] = [];
  const task = { run: (name: number) => ran.push(`${name} at ${clock.now / MILLISECOND}`) };
  return { clock, timers, ran, set: (delay, name) => timers.after(delay, task, name) };
}

describe('timer wheel', () => {
  test('never early, and late by an eighth of the delay at most', () => {
    for (const delay of [1, 3, 250, 1000, 5000, 30_000, 300_000].map((ms) => ms * MILLISECOND)) {
      const { clock, timers } = wheel();
      clock.advance(123 * MILLISECOND);
      let at = 0;
      timers.after(delay, { run: () => (at = clock.now) });
      clock.advance(clock.now + 2 * delay + SECOND);
      expect(at - 123 * MILLISECOND).toBeGreaterThanOrEqual(delay);
      expect(at - 123 * MILLISECOND).toBeLessThanOrEqual(delay + delay / 7 + 2 * JIFFY);
    }
  });

  test('timers of one slot: the youngest first', () => {
    const { clock, ran, set } = wheel();
    set(SECOND, 1);
    clock.advance(5 * MILLISECOND);
    set(SECOND, 2);
    clock.advance(10 * MILLISECOND);
    set(SECOND, 3);
    clock.advance(2 * SECOND);
    expect(ran).toEqual(['3 at 1024', '2 at 1024', '1 at 1024']);
  });

  test('a cancelled timer does not run, even from within its slot', () => {
    const { clock, timers, ran, set } = wheel();
    const first = set(SECOND, 1);
    timers.after(SECOND, { run: () => timers.cancel(first) });
    timers.cancel(set(SECOND, 3));
    timers.cancel(0);
    clock.advance(2 * SECOND);
    expect(ran).toEqual([]);
  });
});
