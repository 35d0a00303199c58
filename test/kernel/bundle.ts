/**
 * Case directories to the corpus: `npx tsx test/kernel/bundle.ts AREA CASE_DIR...` writes corpus/AREA.json.gz;
 * `npx tsx test/kernel/bundle.ts --by-name CASE_DIR...` takes the area from the name before its first dash; `--add` as the
 * first word keeps the cases that the bundle has and that are not given.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { areas, bundle, readArea, readCase } from './case.ts';

const words = process.argv.slice(2);
const adds = words[0] === '--add';
const [area, ...dirs] = words.slice(Number(adds));
if (area === undefined || dirs.length === 0) {
  console.error('usage: bundle.ts [--add] AREA|--by-name CASE_DIR...');
  process.exit(2);
}
const byArea = new Map<string, string[]>();
for (const dir of dirs) {
  const key = area === '--by-name' ? basename(dir).split('-')[0]! : area;
  byArea.set(key, [...(byArea.get(key) ?? []), dir]);
}
const corpus = new URL('./corpus/', import.meta.url);
mkdirSync(corpus, { recursive: true });
for (const [name, list] of byArea) {
  const given = list.map(readCase);
  const kept = adds && areas().includes(name) ? readArea(name) : [];
  const cases = [...kept.filter((old) => !given.some((kase) => kase.name === old.name)), ...given];
  const bytes = bundle(cases.sort((a, b) => (a.name < b.name ? -1 : 1)));
  writeFileSync(new URL(`${name}.json.gz`, corpus), bytes);
  console.log(`${name}: ${cases.length} cases, ${bytes.length} bytes`);
}
