import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FDB_ADDED_BY_EXT_LEARN,
  FDB_ADDED_BY_USER,
  FDB_LOCAL,
  FDB_STATIC,
  FDB_STICKY,
  Fdb,
} from '../../src/bridge/fdb.ts';
import { Clock, SECOND } from '../../src/sim/clock.ts';

const AGEING = 5 * SECOND;
/** Few addresses, so that they meet; some that share a half. */
const station = fc.record({ high: fc.constantFrom(0x0200, 0x0202, 0xfffe), low: fc.integer({ min: -40, max: 40 }) });
const port = fc.integer({ min: 1, max: 4 });

type Action =
  | { readonly do: 'update'; readonly high: number; readonly low: number; readonly port: number }
  | { readonly do: 'set'; readonly high: number; readonly low: number; readonly port: number; readonly flags: number }
  | { readonly do: 'remove'; readonly high: number; readonly low: number }
  | { readonly do: 'wait'; readonly seconds: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ do: fc.constant('update' as const), port }).chain((a) => station.map((s) => ({ ...a, ...s }))),
  fc
    .record({
      do: fc.constant('set' as const),
      port,
      flags: fc.constantFrom(FDB_ADDED_BY_USER, FDB_STATIC, FDB_LOCAL | FDB_STATIC, FDB_STICKY, FDB_ADDED_BY_EXT_LEARN),
    })
    .chain((a) => station.map((s) => ({ ...a, ...s }))),
  station.map((s) => ({ do: 'remove' as const, ...s })),
  fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 0, max: 4 }) }),
);

/** What an entry is in words: the model that the table is held to. */
interface Entry {
  port: number;
  flags: number;
  updated: number;
}

class Model {
  readonly entries = new Map<string, Entry>();

  find(key: string, now: number): Entry | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined) return undefined;
    const ages = (entry.flags & (FDB_STATIC | FDB_ADDED_BY_EXT_LEARN)) === 0;
    if (!ages || now < entry.updated + AGEING) return entry;
    this.entries.delete(key);
    return undefined;
  }

  apply(a: Action, now: number): void {
    if (a.do === 'wait') return;
    const key = `${a.high}/${a.low}`;
    const entry = this.find(key, now);
    if (a.do === 'remove') this.entries.delete(key);
    else if (a.do === 'set') this.entries.set(key, { port: a.port, flags: a.flags, updated: now });
    else if (entry === undefined) this.entries.set(key, { port: a.port, flags: 0, updated: now });
    else if ((entry.flags & FDB_LOCAL) === 0) {
      entry.updated = now;
      if (entry.port !== a.port && (entry.flags & FDB_STICKY) === 0) {
        entry.port = a.port;
        entry.flags &= ~FDB_ADDED_BY_EXT_LEARN;
      }
    }
  }
}

function apply(fdb: Fdb, clock: Clock, a: Action): void {
  if (a.do === 'wait') clock.advance(clock.now + a.seconds * SECOND);
  else if (a.do === 'update') fdb.update(a.port, a.high, a.low, 0);
  else if (a.do === 'set') fdb.set(a.port, a.high, a.low, 0, a.flags);
  else {
    const row = fdb.find(a.high, a.low, 0);
    if (row >= 0) fdb.remove(row);
  }
}

describe('forwarding database', () => {
  it('is a map of stations to ports, with ageing', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 300 }), (actions) => {
        const clock = new Clock();
        const fdb = new Fdb(clock, AGEING);
        const model = new Model();
        for (const a of actions) {
          apply(fdb, clock, a);
          model.apply(a, clock.now);
        }
        for (const high of [0x0200, 0x0202, 0xfffe]) {
          for (let low = -40; low <= 40; low++) {
            const row = fdb.find(high, low, 0);
            const entry = model.find(`${high}/${low}`, clock.now);
            expect(row < 0 ? undefined : fdb.port[row]).toBe(entry?.port);
          }
        }
        fdb.purge();
        expect(fdb.size).toBe([...model.entries.keys()].filter((key) => model.find(key, clock.now)).length);
      }),
    );
  });

  it('tells VLANs apart', () => {
    const fdb = new Fdb(new Clock());
    fdb.update(1, 0x0200, 5, 0);
    fdb.update(2, 0x0200, 5, 7);
    expect(fdb.port[fdb.find(0x0200, 5, 0)]).toBe(1);
    expect(fdb.port[fdb.find(0x0200, 5, 7)]).toBe(2);
    expect(fdb.find(0x0200, 5, 8)).toBe(-1);
  });

  it('grows, and takes back rows of aged entries before it does', () => {
    const clock = new Clock();
    const fdb = new Fdb(clock, SECOND);
    for (let i = 0; i < 1000; i++) fdb.update(1, 0x0200, i, 0);
    expect(fdb.size).toBe(1000);
    const rows = fdb.high.length;
    for (let round = 0; round < 20; round++) {
      clock.advance(clock.now + 2 * SECOND);
      for (let i = 0; i < 1000; i++) fdb.update(1, 0x0200, i + 1000 * round, 0);
    }
    expect(fdb.high.length).toBe(rows);
  });

  it('learns no more than it may, until entries age', () => {
    const clock = new Clock();
    const fdb = new Fdb(clock, SECOND, 3);
    fdb.addLocal(9, 0x0200, 99);
    for (let i = 0; i < 5; i++) fdb.update(1, 0x0200, i, 0);
    expect([0, 1, 2, 3, 4].map((low) => fdb.find(0x0200, low, 0) >= 0)).toEqual([true, true, true, false, false]);
    clock.advance(SECOND);
    fdb.update(1, 0x0200, 4, 0);
    expect(fdb.find(0x0200, 4, 0)).toBeGreaterThanOrEqual(0);
    expect(fdb.find(0x0200, 0, 0)).toBe(-1);
  });

  it('never grows without bound', () => {
    const fdb = new Fdb(new Clock());
    for (let i = 0; i < 1_100_000; i++) fdb.update(1, i & 0xfeff, i, 0);
    expect(fdb.size).toBe(2 ** 20);
  });

  it('learns nothing with an ageing time of 0', () => {
    const fdb = new Fdb(new Clock(), 0);
    fdb.update(1, 0x0200, 1, 0);
    expect(fdb.find(0x0200, 1, 0)).toBe(-1);
  });

  it('keeps an own address with the first that has it', () => {
    const fdb = new Fdb(new Clock());
    fdb.addLocal(3, 0x0200, 1);
    fdb.addLocal(0, 0x0200, 1);
    expect(fdb.port[fdb.find(0x0200, 1, 0)]).toBe(3);
    fdb.update(5, 0x0200, 1, 0);
    expect(fdb.port[fdb.find(0x0200, 1, 0)]).toBe(3);
  });
});
