/**
 * `npm run record -- NAME...|all [--check] [--runs N]`: asks the kernel of this machine about cases of the corpus (by name or
 * area) or case directories, and writes their goldens anew; with `--check` only says which differ from the stored ones.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Topology } from '../../src/lab/topology.ts';
import { areas, bundle, type KernelCase, readArea, readCase } from './case.ts';
import { compareRun, type Sent } from './compare.ts';
import { goldenOf, type Recorded } from './oracle/golden.ts';
import { type Job, Kernel, obstacle } from './oracle/kernel.ts';
import { describeFrame, inputsOf } from './run-case.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { check: { type: 'boolean' }, runs: { type: 'string', default: '2' } },
});
const reason = obstacle();
if (reason !== '' || positionals.length === 0) {
  console.error(reason === '' ? 'usage: record.ts NAME...|all [--check] [--runs N]' : `cannot ask a kernel: ${reason}`);
  process.exit(2);
}
const kernel = new Kernel();

const topologyOf = (kase: KernelCase): Topology => JSON.parse(kase.files.get('topology.json') as string) as Topology;

function jobOf(kase: KernelCase): Job {
  const texts = [...kase.files].filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  const frames = inputsOf(kase).map(({ port, bytes, at }) => ({ port, hex: Buffer.from(bytes).toString('hex'), at }));
  return { topology: topologyOf(kase), texts: Object.fromEntries(texts), frames };
}

async function record(kase: KernelCase): Promise<Recorded> {
  const job = jobOf(kase);
  const answers = [];
  for (let run = 0; run < Number(values.runs); run++) answers.push(await kernel.ask(job));
  return goldenOf(answers, job.topology);
}

const framesOf = (golden: ReadonlyMap<string, string>): Sent[] =>
  (JSON.parse(golden.get('out.json') ?? '[]') as { in: number; port: string; hex: string }[]).map(
    ({ in: input, port, hex }) => ({ in: input, port, bytes: new Uint8Array(Buffer.from(hex, 'hex')) }),
  );

let [same, other] = [0, 0];

/** The case with goldens of today; as it was when they cannot be had. */
async function again(kase: KernelCase): Promise<KernelCase> {
  let differences: readonly string[];
  let golden = kase.golden;
  try {
    const recorded = await record(kase);
    differences = recorded.problems;
    if (differences.length === 0) {
      golden = recorded.golden;
      differences = compareRun(kase.golden, framesOf(golden), golden, describeFrame);
    }
  } catch (error) {
    differences = [(error as Error).message];
  }
  if (differences.length === 0) same++;
  else other++;
  if (differences.length > 0) console.log(`${kase.name}: ${differences.slice(0, 5).join('\n  ')}`);
  return { ...kase, golden };
}

const isDirectory = (name: string): boolean => existsSync(join(name, 'topology.json'));

for (const dir of positionals.filter(isDirectory)) {
  const kase = await again(readCase(dir));
  if (values.check === true) continue;
  mkdirSync(join(dir, 'golden'), { recursive: true });
  for (const [name, text] of kase.golden) writeFileSync(join(dir, 'golden', name), text);
}
for (const area of areas()) {
  const wanted = (name: string): boolean => positionals.some((word) => [name, area].includes(word) || word === 'all');
  const cases = readArea(area);
  if (!cases.some(({ name }) => wanted(name))) continue;
  const now: KernelCase[] = [];
  for (const kase of cases) now.push(wanted(kase.name) ? await again(kase) : kase);
  if (values.check !== true) writeFileSync(new URL(`./corpus/${area}.json.gz`, import.meta.url), bundle(now));
}
kernel.close();
console.log(`${same} as stored, ${other} not`);
process.exitCode = other === 0 ? 0 : 1;
