/** The comparison sees what it should: what the kernel did is like itself, and nothing else is. */
import { expect, test } from 'vitest';
import { areas, type KernelCase, readArea } from './case.ts';
import { compareRun, type Sent } from './compare.ts';
import { badChecksum } from './validate.ts';

const find = (area: string, name: string): KernelCase => readArea(area).find((kase) => kase.name === name)!;

const goldenFrames = (kase: KernelCase): Sent[] =>
  (JSON.parse(kase.golden.get('out.json')!) as { in: number; port: string; hex: string }[]).map(
    ({ in: input, port, hex }) => ({
      in: input,
      port,
      bytes: new Uint8Array(Buffer.from(hex, 'hex')),
    }),
  );

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const compare = (
  kase: KernelCase,
  frames: readonly Sent[],
  state: ReadonlyMap<string, string> = kase.golden,
): string[] => compareRun(kase.golden, frames, state, hex);

test('what the kernel did is like itself', () => {
  for (const kase of areas().flatMap(readArea)) expect(compare(kase, goldenFrames(kase)), kase.name).toEqual([]);
});

test('a frame that is missing, too much, elsewhere, out of order or different is seen', () => {
  const kase = find('filter', 'filter-reject-types');
  const frames = goldenFrames(kase);
  expect(compare(kase, frames.slice(1))).toHaveLength(1);
  expect(compare(kase, [...frames, frames[0]!])).toHaveLength(1);
  expect(compare(kase, [{ ...frames[0]!, port: 'z' }, ...frames.slice(1)])).toHaveLength(1);
  const changed = frames[0]!.bytes.slice();
  changed[22]! ^= 1;
  expect(compare(kase, [{ ...frames[0]!, bytes: changed }, ...frames.slice(1)])).toHaveLength(1);
  const both = find('bridge', 'bridge-learn');
  const flooded = goldenFrames(both);
  const twin = flooded.findIndex((frame, i) => frame.in === flooded[i + 1]?.in);
  const swapped = [...flooded];
  [swapped[twin], swapped[twin + 1]] = [flooded[twin + 1]!, flooded[twin]!];
  expect(compare(both, swapped).length).toBeGreaterThan(0);
});

test('a masked field may differ, but its checksum must be right', () => {
  const kase = find('filter', 'filter-reject-types');
  const frames = goldenFrames(kase);
  const golden = JSON.parse(kase.golden.get('out.json')!) as { mask?: { off: number; field: string }[] }[];
  const at = golden.findIndex(({ mask }) => mask?.some(({ field }) => field === 'ip.id') === true);
  const other = frames[at]!.bytes.slice();
  const { off } = golden[at]!.mask!.find(({ field }) => field === 'ip.id')!;
  other[off]! ^= 0xff;
  const wrong = compare(kase, frames.with(at, { ...frames[at]!, bytes: other }));
  expect(wrong).toEqual([expect.stringMatching(/^frame has a bad IP checksum/)]);
  // One's complement: what is added to the id is taken from the checksum.
  const sum = (other[24]! << 8) | other[25]!;
  const delta = ((other[off]! - frames[at]!.bytes[off]!) << 8) % 0xffff;
  const right = (((sum - delta) % 0xffff) + 0xffff) % 0xffff;
  other[24] = right >> 8;
  other[25] = right & 255;
  expect(badChecksum(other)).toBe(null);
  expect(compare(kase, frames.with(at, { ...frames[at]!, bytes: other }))).toEqual([]);
});

test('counters, connections, log lines and errors that differ are seen', () => {
  const kase = find('filter', 'filter-log-legacy');
  const frames = goldenFrames(kase);
  const changed = (name: string, from: RegExp, to: string) => {
    const text = kase.golden.get(name)!;
    expect(text).toMatch(from);
    return compare(kase, frames, new Map(kase.golden).set(name, text.replace(from, to)));
  };
  expect(changed('r.counters', /\[\d+:\d+\] -A/, '[99:99] -A')).toHaveLength(1);
  expect(changed('log.json', /TTL=63/, 'TTL=62')).toHaveLength(1);
  expect(changed('log.json', /ID=\*/, 'ID=7')).toEqual([]);
  const connections = find('kube', 'kube-random-fully');
  const table = connections.golden.get('node.conntrack')!;
  const state = new Map(connections.golden).set('node.conntrack', table.replace(/packets=\d+/, 'packets=77'));
  expect(compare(connections, goldenFrames(connections), state)).toHaveLength(1);
});
