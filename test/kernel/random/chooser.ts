/** Choices from a seed. */
import { Random } from '../../../src/sim/random.ts';

export class Chooser {
  private readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  below(n: number): number {
    return this.random.below(n);
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.random.below(high - low + 1);
  }

  one<T>(of: readonly T[]): T {
    return of[this.random.below(of.length)]!;
  }

  chance(percent: number): boolean {
    return this.random.below(100) < percent;
  }

  /** Some of a list, in its order, at least one. */
  some<T>(of: readonly T[], most: number): T[] {
    const wanted = this.between(1, Math.min(most, of.length));
    const left = [...of];
    while (left.length > wanted) left.splice(this.random.below(left.length), 1);
    return left;
  }

  times<T>(low: number, high: number, make: (i: number) => T): T[] {
    return Array.from({ length: this.between(low, high) }, (_, i) => make(i));
  }
}
