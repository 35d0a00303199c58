/**
 * Every case that a real kernel was asked, under both lookups: frames on their ports in their order, rule counters,
 * connections, forwarding entries, neighbours, log lines, send errors.
 */
import { describe, expect, test } from 'vitest';
import { areas, readArea } from './case.ts';
import { PENDING } from './pending.ts';
import { differences, type Lookup } from './run-case.ts';

const LOOKUPS: readonly Lookup[] = ['linear', 'indexed'];

for (const area of areas()) {
  describe(area, () => {
    for (const kase of readArea(area)) {
      for (const lookup of LOOKUPS) {
        const pending = PENDING[kase.name];
        if (pending === undefined) {
          test(`${kase.name} ${lookup}`, () => {
            expect(differences(kase, lookup)).toEqual([]);
          });
        } else {
          test(`${kase.name} ${lookup} still differs: ${pending}`, () => {
            expect(() => expect(differences(kase, lookup)).toEqual([])).toThrow();
          });
        }
      }
    }
  });
}

test('what is pending exists', () => {
  const names = areas().flatMap((area) => readArea(area).map(({ name }) => name));
  expect(Object.keys(PENDING).filter((name) => !names.includes(name))).toEqual([]);
});
