/**
 * Case directories to the corpus: `npx tsx test/kernel/bundle.ts AREA CASE_DIR...` writes corpus/AREA.json.gz;
 * `npx tsx test/kernel/bundle.ts --by-name CASE_DIR...` takes the area from the name before its first dash.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { bundle, readCase } from './case.ts';

const [area, ...dirs] = process.argv.slice(2);
if (area === undefined || dirs.length === 0) {
  console.error('usage: bundle.ts AREA|--by-name CASE_DIR...');
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
  const bytes = bundle(list.sort().map(readCase));
  writeFileSync(new URL(`${name}.json.gz`, corpus), bytes);
  console.log(`${name}: ${list.length} cases, ${bytes.length} bytes`);
}
