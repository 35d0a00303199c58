/** Rule texts that real programs wrote and read, and the kernel's cases among them: one gzipped bundle, read by tests. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

export interface GoldenText {
  /** Where it came from, as area/scenario/file. */
  readonly name: string;
  readonly family: 'ipv4' | 'ipv6';
  /**
   * `save`: printed by iptables-save (comment lines dropped). `restore`: input of `iptables-restore --noflush`.
   * `rules`: input of iptables-restore; `saved` is what iptables-save -c printed at the end.
   * `sorted`: printed by iptables-save, then sorted, and without counters.
   * `steps`: inputs of several iptables-restore --noflush, one after the other, split by lines that begin with #####.
   */
  readonly kind: 'save' | 'sorted' | 'restore' | 'rules' | 'steps';
  readonly backend: 'nft' | 'legacy';
  readonly text: string;
  /** `rules`: see there. `restore` and `steps`: what was there before (`base`) and afterwards. */
  readonly base?: string;
  readonly saved?: string;
}

const DATA = new URL('data/rules.json.gz', import.meta.url);

/** Every text of the bundle, each once. */
export const goldenTexts = (): readonly GoldenText[] =>
  JSON.parse(gunzipSync(readFileSync(DATA)).toString('utf8')) as GoldenText[];
