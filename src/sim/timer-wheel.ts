/**
 * The kernel's coarse timers: kernel/time/timer.c. A timer is never early, but late by up to an eighth of its delay, since
 * the wheel's slots grow with the distance; timers of one slot run at once, the youngest first. @module
 */
import { type Clock, MILLISECOND, type Task, type TimerId } from './clock.ts';

/** CONFIG_HZ 250. */
export const JIFFY: number = 4 * MILLISECOND;
const LEVELS = 9;
const SLOTS = 64;
/** A level's slots are 8 times as long as those of the one below. */
const SHIFT = 3;

/** First delay (jiffies) that is too long for the level below. */
const start = (level: number): number => (SLOTS - 1) * 2 ** ((level - 1) * SHIFT);

interface Timer {
  readonly id: TimerId;
  readonly slot: number;
  readonly level: number;
  readonly task: Task;
  readonly argument: number;
}

/** The timers of one namespace, by jiffies. */
export class TimerWheel implements Task {
  private readonly clock: Clock;
  /** By the jiffy at which they run. */
  private readonly slots = new Map<number, Set<Timer>>();
  private readonly timers = new Map<TimerId, Timer>();
  private ids = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Run `task` in about `delay` nanoseconds. @returns a number for {@link cancel}, never 0 */
  after(delay: number, task: Task, argument = 0): TimerId {
    const now = Math.floor(this.clock.now / JIFFY);
    const expires = now + Math.ceil(delay / JIFFY);
    let level = 0;
    while (level < LEVELS - 1 && expires - now >= start(level + 1)) level++;
    const length = 2 ** (level * SHIFT);
    const slot = (Math.floor(expires / length) + 1) * length;
    const timer: Timer = { id: ++this.ids, slot, level, task, argument };
    const others = this.slots.get(slot);
    if (others !== undefined) others.add(timer);
    else {
      this.slots.set(slot, new Set([timer]));
      this.clock.at(slot * JIFFY, this, slot);
    }
    this.timers.set(timer.id, timer);
    return timer.id;
  }

  /** Forget a timer; one that has run, or none, is ignored. */
  cancel(id: TimerId): void {
    const timer = this.timers.get(id);
    if (timer === undefined) return;
    this.timers.delete(id);
    this.slots.get(timer.slot)?.delete(timer);
  }

  /** A slot's time has come: longer timers before shorter ones, younger before older. */
  run(slot: number): void {
    const timers = this.slots.get(slot)!;
    const due = [...timers].reverse().sort((a, b) => b.level - a.level);
    for (const timer of due) {
      // An earlier one may have cancelled it.
      if (!timers.delete(timer)) continue;
      this.timers.delete(timer.id);
      timer.task.run(timer.argument);
    }
    this.slots.delete(slot);
  }
}
