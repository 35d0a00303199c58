/** The machine's own ipset as the judge: random lines go in one by one; its `ipset save` must print what ours does. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { IpsetError } from '../../src/ipset/error.ts';
import { SetRegistry } from '../../src/ipset/registry.ts';
import { restoreSets, saveSets } from '../../src/ipset/restore.ts';
import { randomLines, TYPES, type TypeName } from './vocabulary.ts';

const isRoot = process.getuid?.() === 0;
const able = isRoot && existsSync('/usr/sbin/ipset') && spawnSync('unshare', ['-n', 'ipset', 'list']).status === 0;
const reason = isRoot ? 'needs ipset and unshare' : 'needs root';

const SETS = Number(process.env['PODWIRE_KERNEL_SETS'] ?? 3);
const SEED = Number(process.env['PODWIRE_KERNEL_SEED'] ?? 1);
const LINES = 40;

/** Which lines were taken, and what is saved afterwards. */
interface Outcome {
  readonly taken: string;
  readonly saved: string;
}

const SCRIPT =
  'while IFS= read -r line; do printf "%s\\n" "$line" | ipset restore 2>/dev/null && printf + || printf -; done; echo; ipset save';

function ask(lines: readonly string[]): Outcome {
  const run = spawnSync('unshare', ['-n', 'bash', '-c', SCRIPT], { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
  const end = run.stdout.indexOf('\n');
  return { taken: run.stdout.slice(0, end), saved: run.stdout.slice(end + 1) };
}

/** As the kernel does, keep what a range had added when the next element is refused. */
class HalfApplied extends SetRegistry {
  override atomically<T>(change: () => T): T {
    return change();
  }
}

function answer(lines: readonly string[]): Outcome {
  const registry = new HalfApplied({ ticker: { now: 0 }, seed: () => 0 });
  const taken = lines.map((line) => {
    try {
      restoreSets(registry, line, 'test.ipset');
      return '+';
    } catch (error) {
      if (error instanceof IpsetError) return '-';
      throw error;
    }
  });
  return { taken: taken.join(''), saved: saveSets(registry) };
}

/** Timeouts run while the kernel's tool is at work. */
const withoutTime = (text: string): string => text.replace(/^(add .* timeout) [1-9]\d*/gm, '$1 *');

const has = (type: TypeName): boolean =>
  ask([
    `create s ${type}${type === 'bitmap:port' ? ' range 1-2' : type.startsWith('bitmap') ? ' range 1.1.1.1-1.1.1.2' : ''}`,
  ]).taken === '+';

describe.runIf(able)('sets as this machine’s ipset keeps them', () => {
  test.for(TYPES)('%s', { timeout: 600_000 }, (type, { skip }) => {
    if (!has(type)) skip(`this kernel has no ${type}`);
    const differences: string[] = [];
    for (let i = 0; i < SETS; i++) {
      const lines = randomLines(SEED * 1000 + i, type, LINES);
      const theirs = ask(lines);
      const ours = answer(lines);
      const wrong = lines.flatMap((line, n) =>
        ours.taken[n] === theirs.taken[n] ? [] : [`${theirs.taken[n]} ${line}`],
      );
      const same = wrong.length === 0 && withoutTime(ours.saved) === withoutTime(theirs.saved);
      if (!same)
        differences.push(
          `${lines.join('\n')}\ndecided otherwise:\n${wrong.join('\n')}\ntheirs:\n${theirs.saved}ours:\n${ours.saved}`,
        );
    }
    expect(differences.join('\n')).toBe('');
  });
});

describe.skipIf(able)('sets as this machine’s ipset keeps them', () => {
  test.skip(`skipped: ${reason}`, () => undefined);
});
