/**
 * `npx tsx test/golden/make.ts GOLDENS`: makes data/rules.json.gz and data/sets.json.gz again from a folder of recorded
 * scenarios, every distinct text once.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { GoldenText } from './rules.ts';
import type { GoldenSets } from './sets.ts';

const root = process.argv[2];
if (root === undefined) throw new Error('usage: make.ts GOLDENS');

const read = (path: string): string => readFileSync(path, 'utf8');
const bare = (text: string): string => text.replace(/^#.*\n/gm, '').replace(/^\s*\n/gm, '');
const isSaved = (name: string): boolean => /(ip6?tables-save\.txt|\.counters6?)$/.test(name);

/** What iptables-save printed in the step of a sequence before this one. */
function before(dir: string, saveName: string): string | undefined {
  const step = /^step(\d+)$/.exec(basename(dir));
  if (step === null) return undefined;
  // The first step is the folder around the others.
  const earlier = Number(step[1]) === 2 ? '.' : `step${Number(step[1]) - 1}`;
  const path = join(dirname(dir), earlier, saveName);
  return existsSync(path) ? bare(read(path)) : undefined;
}

/** Only iptables-nft prints its tables in this order. */
const NFT_ORDER = ['mangle', 'security', 'raw', 'filter', 'nat'];

function backendOf(path: string): GoldenText['backend'] {
  for (const dir of [dirname(path), dirname(dirname(path))]) {
    const topology = join(dir, 'topology.json');
    if (existsSync(topology)) return /"backend": "legacy"/.test(read(topology)) ? 'legacy' : 'nft';
  }
  const places = [...read(path).matchAll(/^\*(\w+)/gm)].map(([, table]) => NFT_ORDER.indexOf(table!));
  return places.every((place, i) => i === 0 || place > places[i - 1]!) ? 'nft' : 'legacy';
}

function golden(path: string): GoldenText[] {
  const name = relative(root!, path);
  const file = basename(path);
  const dir = dirname(path);
  const family = /(ip6tables|rules6|counters6)/.test(file) ? 'ipv6' : 'ipv4';
  const saveName = file.replace(/restore-(input|all)/, 'save');
  const savePath = join(dir, saveName);
  const backend = backendOf(existsSync(savePath) ? savePath : path);
  const common = { name, family, backend } as const;
  if (/\.rules6?$/.test(file)) {
    const saved = join(dir, 'golden', file.replace('.rules', '.counters'));
    return existsSync(saved) ? [{ ...common, kind: 'rules', text: read(path), saved: bare(read(saved)) }] : [];
  }
  // Where all inputs of a sequence were kept, the last alone is but a part: it deletes chains.
  const isPart = existsSync(join(dir.replace(/.canon$/, ''), file.replace('input', 'all')));
  const after = existsSync(savePath) && !/canon/.test(dir) ? { saved: bare(read(savePath)) } : {};
  if (/restore-all\.txt$/.test(file)) {
    const base = before(dir, saveName);
    return [{ ...common, kind: 'steps', text: read(path), ...(base === undefined ? {} : { base, ...after }) }];
  }
  if (/restore-input\.txt$/.test(file))
    return isPart ? [] : [{ ...common, kind: 'restore', text: read(path), ...after }];
  if (!isSaved(file) || !/^\*/m.test(read(path))) return [];
  return [{ ...common, kind: /canon/.test(dir) ? 'sorted' : 'save', text: bare(read(path)) }];
}

function sets(path: string): GoldenSets {
  const name = relative(root!, path);
  if (/save\.txt$/.test(path)) return { name, kind: /canon/.test(path) ? 'sorted' : 'save', text: read(path) };
  return { name, kind: 'case', text: read(path), saved: read(join(dirname(path), 'golden', basename(path))) };
}

const seen = new Set<string>();
const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
const texts = paths
  .filter((path) => isSaved(path) || /\.rules6?$/.test(path) || /restore-(input|all)\.txt$/.test(path))
  .flatMap((path) => golden(join(root, path)))
  .filter(isNew);
writeFileSync(new URL('data/rules.json.gz', import.meta.url), gzipSync(JSON.stringify(texts), { level: 9 }));

const setTexts = paths
  .filter((path) => /ipset-save\.txt$|^(?!.*golden\/).*\.ipset$/.test(path))
  .map((path) => sets(join(root, path)))
  .filter(isNew);
writeFileSync(new URL('data/sets.json.gz', import.meta.url), gzipSync(JSON.stringify(setTexts), { level: 9 }));
console.log(`${texts.length} rule texts, ${setTexts.length} set texts`);

/** Was there no such text before? */
function isNew({ name: _, ...rest }: GoldenText | GoldenSets): boolean {
  const key = JSON.stringify(rest);
  return !seen.has(key) && seen.add(key) !== undefined;
}
