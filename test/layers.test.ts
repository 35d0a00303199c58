/** The import table of the design, as code: who may import whom, and which packages have one door. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const DATA_PLANE = ['packet', 'pcap', 'sim', 'ipset', 'net', 'bridge', 'conntrack', 'netfilter', 'nftables', 'ipvs'];
const BELOW_CLUSTER = [...DATA_PLANE, 'overlay', 'lab', 'kubernetes', 'kube-proxy', 'cni', 'docker', 'dns', 'proxy'];

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  packet: [],
  pcap: ['packet'],
  sim: ['packet'],
  ipset: ['packet'],
  net: ['packet', 'sim'],
  bridge: ['packet', 'sim', 'net'],
  conntrack: ['packet', 'sim', 'net'],
  netfilter: ['packet', 'sim', 'net', 'conntrack', 'ipset'],
  nftables: ['packet', 'sim', 'net', 'conntrack'],
  ipvs: ['packet', 'sim', 'net', 'conntrack'],
  overlay: ['packet', 'sim', 'net', 'bridge'],
  lab: [...DATA_PLANE, 'overlay'],
  kubernetes: ['packet'],
  'kube-proxy': ['kubernetes', 'packet'],
  cni: ['packet', 'kubernetes'],
  docker: ['packet', 'kubernetes'],
  dns: ['packet', 'sim', 'net', 'kubernetes'],
  proxy: ['packet', 'sim', 'net', 'kubernetes'],
  cluster: BELOW_CLUSTER,
  manifest: ['kubernetes'],
  snapshot: [...BELOW_CLUSTER, 'cluster'],
  viewer: [...BELOW_CLUSTER, 'cluster'],
  cli: [...BELOW_CLUSTER, 'cluster', 'manifest', 'snapshot', 'viewer'],
};

/** The one file, or folder, that may import a package. */
const DOORS: Readonly<Record<string, string>> = {
  'ipaddr.js': 'packet/address.ts',
  yaml: 'manifest/',
  '@msgpack/msgpack': 'snapshot/',
};

const src = fileURLToPath(new URL('../src', import.meta.url));

const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'));

interface Import {
  readonly from: string;
  readonly specifier: string;
}

const IMPORT =
  /^(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|^import\s*['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)/gm;

const importsOf = (file: string): Import[] =>
  [...readFileSync(join(src, file), 'utf8').matchAll(IMPORT)].map(([, from, bare, dynamic]) => ({
    from: file,
    specifier: (from ?? bare ?? dynamic)!,
  }));

const imports = sources.flatMap(importsOf);

/** Everything but the folder's own name: `netfilter/save.ts` is in `netfilter`, `index.ts` is in ''. */
const folderOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '');

const isRelative = ({ specifier }: Import): boolean => specifier.startsWith('.');

test('a folder imports only what the table says', () => {
  const wrong = imports.filter(isRelative).filter(({ from, specifier }) => {
    const [here, there] = [folderOf(from), folderOf(posix.join(posix.dirname(from), specifier))];
    return here !== '' && here !== there && !MAY_IMPORT[here]?.includes(there);
  });
  expect(wrong).toEqual([]);
});

test('every folder is in the table', () => {
  const folders = new Set(sources.map(folderOf).filter((folder) => folder !== ''));
  expect([...folders].filter((folder) => MAY_IMPORT[folder] === undefined)).toEqual([]);
});

test('only the command line imports node', () => {
  const wrong = imports.filter(({ from, specifier }) => specifier.startsWith('node:') && folderOf(from) !== 'cli');
  expect(wrong).toEqual([]);
});

test('a package has one door', () => {
  const wrong = imports
    .filter((entry) => !isRelative(entry) && !entry.specifier.startsWith('node:'))
    .filter(({ from, specifier }) => !(DOORS[specifier] !== undefined && from.startsWith(DOORS[specifier])));
  expect(wrong).toEqual([]);
});

test('the data plane knows nothing of Kubernetes', () => {
  const guilty = sources
    .filter((file) => DATA_PLANE.includes(folderOf(file)))
    .filter((file) => /KUBE-/.test(readFileSync(join(src, file), 'utf8')));
  expect(guilty).toEqual([]);
});
