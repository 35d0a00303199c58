/** A trace is an observer: with one attached the lab does what the kernel did all the same, and every row can be read. */
import { expect, test } from 'vitest';
import { areas, readArea } from './case.ts';
import { compareRun } from './compare.ts';
import { PENDING } from './pending.ts';
import { describeFrame, runLab } from './run-case.ts';

/** So many cases of each area. */
const PORTION = 2;

for (const area of areas()) {
  const kinds = new Set<string>();
  test(`${area}, traced`, () => {
    const cases = readArea(area).filter(
      ({ name, files }) => !(name in PENDING) && files.get('in.pcapng')!.length < 2e5,
    );
    const step = Math.max(1, Math.floor(cases.length / PORTION));
    for (const kase of cases.filter((_, i) => i % step === 0)) {
      const { lab, frames, state } = runLab(kase, 'indexed', true);
      expect(compareRun(kase.golden, frames, state, describeFrame), kase.name).toEqual([]);
      let time = 0;
      for (const event of lab.trace!.drain()) {
        expect(event.time).toBeGreaterThanOrEqual(time);
        time = event.time;
        kinds.add(event.kind);
        for (const [field, value] of Object.entries(event.fields)) {
          expect(String(value), `${event.kind} ${field}`).not.toMatch(/undefined|NaN|\[object/);
        }
      }
      expect(lab.trace!.drain()).toEqual([]);
    }
    expect(kinds.size).toBeGreaterThan(0);
  });
}
