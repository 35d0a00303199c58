/** What would be published: the built library and command, and nothing else. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { MAIN } from './podwire.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as {
  exports: Record<string, Record<'types' | 'default', string>>;
  bin: Record<string, string>;
};

test('the package holds dist, README and licence', () => {
  const { stdout } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
  });
  const answer = JSON.parse(stdout) as { files: { path: string }[] }[] | Record<string, { files: { path: string }[] }>;
  const [pack] = Object.values(answer);
  const paths = pack!.files.map(({ path }) => path);
  for (const path of ['README.md', 'LICENSE', 'package.json', 'dist/index.js', 'dist/index.d.ts', 'dist/cli/main.js']) {
    expect(paths).toContain(path);
  }
  expect(paths.filter((path) => !/^(dist\/|README\.md$|LICENSE$|package\.json$)/.test(path))).toEqual([]);
  expect(paths.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))).toEqual([]);
});

test('every export is there, and can be imported', async () => {
  for (const [subpath, { types, default: file }] of Object.entries(manifest.exports)) {
    expect(statSync(`${root}/${types}`).isFile(), subpath).toBe(true);
    const exported = (await import(`${root}/${file}`)) as object;
    expect(Object.keys(exported), subpath).not.toEqual([]);
  }
});

test('the command can be run', () => {
  expect(statSync(MAIN).mode & 0o111).not.toBe(0);
  expect(readFileSync(MAIN, 'utf8').startsWith('#!/usr/bin/env node\n')).toBe(true);
  expect(Object.values(manifest.bin)).toEqual(['./dist/cli/main.js']);
});
