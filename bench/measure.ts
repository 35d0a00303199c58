/**
 * Timing in batches, and the tables that the benchmarks print. Times are of the processor, not of the clock on the wall, and
 * the cases of a question take turns: so neighbours on the same machine disturb little, and all cases alike. @module
 */

/** One line of a table. */
export interface Case {
  readonly name: string;
  /** Packets, rules or whatever `run` goes through. */
  readonly items: number;
  readonly run: () => void;
}

export interface Timing {
  readonly name: string;
  /** Nanoseconds an item: the median, and between the quarters the spread in percent of it. */
  readonly nanoseconds: number;
  readonly spread: number;
}

const ROUNDS = 15;
/** Microseconds of one round of one case, and of warming it up. */
const ROUND = 20_000;
const WARM_UP = 150_000;

function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Run a case for so long. @returns nanoseconds an item */
function round({ items, run }: Case, microseconds: number): number {
  const start = cpuMicroseconds();
  let runs = 0;
  let spent = 0;
  while (spent < microseconds) {
    run();
    runs++;
    spent = cpuMicroseconds() - start;
  }
  return (1000 * spent) / (runs * items);
}

const quantile = (sorted: readonly number[], part: number): number => sorted[Math.floor(part * (sorted.length - 1))]!;

/** Time the cases of one question. */
export function time(cases: readonly Case[]): readonly Timing[] {
  for (const one of cases) round(one, WARM_UP);
  const samples: number[][] = cases.map(() => []);
  for (let i = 0; i < ROUNDS; i++) {
    cases.forEach((one, at) => {
      samples[at]!.push(round(one, ROUND));
    });
  }
  return cases.map(({ name }, at) => {
    const sorted = samples[at]!.sort((a, b) => a - b);
    const nanoseconds = quantile(sorted, 0.5);
    const spread = (100 * (quantile(sorted, 0.75) - quantile(sorted, 0.25))) / nanoseconds;
    return { name, nanoseconds, spread };
  });
}

/** Print columns under their headings: the first to the left, numbers to the right. */
export function table(title: string, headings: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = headings.map((heading, i) => Math.max(heading.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  process.stdout.write(`\n${title}\n${[headings, ...rows].map((cells) => `  ${line(cells)}\n`).join('')}`);
}

/** Three digits that matter. */
export const short = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
