/** ipset texts that real programs left behind, and the kernel's cases among them: one gzipped bundle, read by tests. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export interface GoldenSets {
  /** Where it came from, as area/scenario/file. */
  readonly name: string;
  /**
   * `save`: printed by `ipset save`. `sorted`: the same, its lines sorted, without sizes and seeds.
   * `case`: input of `ipset restore`; `saved` is what was there after packets, its lines sorted, without seeds.
   */
  readonly kind: 'save' | 'sorted' | 'case';
  readonly text: string;
  readonly saved?: string;
}

const DATA = new URL('data/sets.json.gz', import.meta.url);

/** Every text of the bundle, each once. */
export const goldenSets = (): readonly GoldenSets[] =>
  JSON.parse(gunzipSync(readFileSync(DATA)).toString('utf8')) as GoldenSets[];
