import { describe, expect, test } from 'vitest';
import { SetRegistry } from '../../src/ipset/registry.ts';
import { restoreSets, saveSets } from '../../src/ipset/restore.ts';
import { type GoldenSets, goldenSets } from '../golden/sets.ts';

const all = goldenSets();
const of = (kind: GoldenSets['kind']): readonly GoldenSets[] => all.filter((golden) => golden.kind === kind);

function saved({ name, text }: GoldenSets): string {
  const registry = new SetRegistry({ ticker: { now: 0 }, seed: () => 0 });
  restoreSets(registry, text, name);
  return saveSets(registry);
}

const sorted = (text: string): string[] => text.split('\n').sort();
const withoutSeeds = (text: string): string => text.replace(/ initval 0x[\da-f]+/g, '');
const withoutSizes = (text: string): string =>
  withoutSeeds(text).replace(/ hashsize \d+| maxelem \d+| bucketsize \d+/g, '');

describe('ipset texts of real programs', () => {
  test.each(of('save'))('$name prints back as it was, in its order', (golden) => {
    expect(saved(golden)).toBe(golden.text);
  });

  test.each(of('sorted'))('$name prints back with the same lines', (golden) => {
    // They name only what differs from one set to another.
    expect(sorted(withoutSizes(saved(golden)))).toEqual(sorted(withoutSizes(golden.text)));
  });

  test.each(of('case'))('$name is what the kernel gave back', (golden) => {
    const ours = saved(golden);
    expect(sorted(withoutSeeds(ours))).toEqual(sorted(golden.saved!));
  });
});
