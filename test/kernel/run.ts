/**
 * `npx tsx test/kernel/run.ts [--lookup linear|indexed] [-q] CASE...`: runs case directories, or cases or areas of the corpus
 * by name, and prints how they differ from the kernel. `-q` prints one line a case.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { areas, type KernelCase, readArea, readCase } from './case.ts';
import { differences, type Lookup } from './run-case.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { lookup: { type: 'string' }, quiet: { type: 'boolean', short: 'q' } },
});
const lookups = (values.lookup === undefined ? ['linear', 'indexed'] : [values.lookup]) as Lookup[];

const corpus = areas().flatMap((area) => readArea(area).map((kase) => ({ area, kase })));

function find(name: string): KernelCase[] {
  if (existsSync(join(name, 'topology.json'))) return [readCase(name)];
  const found = corpus.filter(({ area, kase }) => kase.name === name || area === name || name === 'all');
  if (found.length === 0) throw new Error(`no case directory, case or area ${name}`);
  return found.map(({ kase }) => kase);
}

function run(kase: KernelCase, lookup: Lookup): string[] {
  try {
    return differences(kase, lookup);
  } catch (error) {
    return [(error as Error).stack ?? String(error)];
  }
}

let [good, bad] = [0, 0];
for (const kase of positionals.flatMap(find)) {
  for (const lookup of lookups) {
    const found = run(kase, lookup);
    if (found.length === 0) good++;
    else bad++;
    if (found.length === 0 || values.quiet)
      console.log(`${found.length === 0 ? 'ok  ' : 'FAIL'} ${kase.name} ${lookup} ${found[0]?.split('\n')[0] ?? ''}`);
    else console.log(`FAIL ${kase.name} ${lookup}: ${found.length} differences\n${found.slice(0, 30).join('\n')}`);
  }
}
console.log(`${good} as the kernel, ${bad} not`);
process.exitCode = bad === 0 ? 0 : 1;
