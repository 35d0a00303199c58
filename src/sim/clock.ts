/**
 * Virtual time: a discrete-event queue. Time is integer nanoseconds since the run began (safe for 104 days); it moves only
 * when someone moves it. Events at one instant run in the order in which they were set. @module
 */

export const MILLISECOND = 1e6;
export const SECOND = 1e9;

/** What a timer runs; `argument` is the number given when it was set (a row, an index). */
export interface Task {
  run(argument: number): void;
}

/** An opaque number that names a timer; 0 names none. */
export type TimerId = number;

/** A clock, and what is to be done when. */
export class Clock {
  private time = 0;
  private serial = 0;
  /** A binary heap of event slots, earliest first; the slots' columns. */
  private readonly heap: number[] = [];
  private readonly due: number[] = [];
  private readonly order: number[] = [];
  private readonly task: (Task | null)[] = [];
  private readonly argument: number[] = [];
  private readonly free: number[] = [];

  /** Nanoseconds since the run began. */
  get now(): number {
    return this.time;
  }

  /** Run `task` at `time` (not before now). */
  at(time: number, task: Task, argument = 0): TimerId {
    const slot = this.free.pop() ?? this.due.length;
    this.due[slot] = Math.max(time, this.time);
    this.order[slot] = ++this.serial;
    this.task[slot] = task;
    this.argument[slot] = argument;
    this.heap.push(slot);
    this.up(this.heap.length - 1);
    return this.serial * SLOTS + slot;
  }

  /** Run `task` in `delay` nanoseconds. */
  after(delay: number, task: Task, argument = 0): TimerId {
    return this.at(this.time + delay, task, argument);
  }

  /** Forget a timer; one that has run, or none, is ignored. */
  cancel(timer: TimerId): void {
    const slot = timer % SLOTS;
    if (timer !== 0 && this.order[slot] === (timer - slot) / SLOTS) this.task[slot] = null;
  }

  /** When the next event is due, or Infinity. */
  get next(): number {
    this.skipCancelled();
    return this.heap.length === 0 ? Number.POSITIVE_INFINITY : this.due[this.heap[0]!]!;
  }

  /** Run every event due up to `time`, each at its own instant, and stop there. @throws {Error} when time would go back. */
  advance(time: number): void {
    if (time < this.time) throw new Error(`clock cannot go from ${this.time} back to ${time}`);
    while (this.next <= time) {
      const slot = this.pop();
      this.time = this.due[slot]!;
      const task = this.task[slot]!;
      const argument = this.argument[slot]!;
      this.recycle(slot);
      task.run(argument);
    }
    this.time = time;
  }

  private skipCancelled(): void {
    while (this.heap.length > 0 && this.task[this.heap[0]!] === null) this.recycle(this.pop());
  }

  private recycle(slot: number): void {
    this.task[slot] = null;
    this.order[slot] = 0;
    this.free.push(slot);
  }

  private earlier(a: number, b: number): boolean {
    return this.due[a]! < this.due[b]! || (this.due[a] === this.due[b] && this.order[a]! < this.order[b]!);
  }

  private up(i: number): void {
    const { heap } = this;
    const slot = heap[i]!;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.earlier(slot, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = slot;
  }

  private pop(): number {
    const { heap } = this;
    const first = heap[0]!;
    const slot = heap.pop()!;
    if (heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.earlier(heap[child + 1]!, heap[child]!)) child++;
      if (!this.earlier(heap[child]!, slot)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = slot;
    return first;
  }
}

/** A timer id is serial * SLOTS + slot, so that a reused slot does not answer to an old id. */
const SLOTS = 2 ** 22;
