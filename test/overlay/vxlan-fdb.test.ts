import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE, VxlanFdb } from '../../src/overlay/vxlan-fdb.ts';
import { Clock, SECOND } from '../../src/sim/clock.ts';

const to = (address: number, vni = 42) => ({ address, port: 4789, vni, ifindex: 0 });

/** Addresses of a row's remotes, in order. */
function remotes(fdb: VxlanFdb, row: number): number[] {
  const list: number[] = [];
  for (let i = fdb.first[row]!; i >= 0; i = fdb.next[i]!) list.push(fdb.address[i]!);
  return list;
}

describe('forwarding database of a VXLAN device', () => {
  it('keeps the remotes of the flood list in order, each once', () => {
    const fdb = new VxlanFdb(new Clock());
    for (const address of [4, 2, 5, 2, 3]) fdb.set(0, 0, 0, to(address), NUD_PERMANENT, 'append');
    fdb.set(0, 0, 0, to(2, 43), NUD_PERMANENT, 'append');
    expect(remotes(fdb, fdb.find(0, 0, 0))).toEqual([4, 2, 5, 3, 2]);
  });

  it('replaces the remote of a unicast entry, and refuses to for a group', () => {
    const fdb = new VxlanFdb(new Clock());
    fdb.set(0x0200, 7, 0, to(1), NUD_PERMANENT, 'replace');
    fdb.set(0x0200, 7, 0, to(2), NUD_PERMANENT, 'replace');
    expect(remotes(fdb, fdb.find(0x0200, 7, 0))).toEqual([2]);
    // A unicast entry has one remote: what is appended to it is passed over.
    fdb.set(0x0200, 7, 0, to(3), NUD_PERMANENT, 'append');
    expect(remotes(fdb, fdb.find(0x0200, 7, 0))).toEqual([2]);
    expect(() => fdb.set(0, 0, 0, to(1), NUD_PERMANENT, 'replace')).toThrow('not unicast');
    expect(() => fdb.set(0x0100, 7, 0, to(1), NUD_PERMANENT, 'replace')).toThrow('not unicast');
    expect(() => fdb.set(0x0200, 7, 0, to(1), NUD_PERMANENT, 'add')).toThrow('already');
  });

  it('moves a learned station, and not a static one', () => {
    const fdb = new VxlanFdb(new Clock());
    fdb.learn(0x0200, 1, 0, 10, 4789, 42);
    fdb.set(0x0200, 2, 0, to(10), NUD_NOARP | NUD_REACHABLE, 'replace');
    const [learned, fixed] = [fdb.find(0x0200, 1, 0), fdb.find(0x0200, 2, 0)];
    expect(fdb.refresh(learned, 11)).toBe(true);
    expect(fdb.refresh(fixed, 10)).toBe(true);
    expect(fdb.refresh(fixed, 11)).toBe(false);
    expect([remotes(fdb, learned), remotes(fdb, fixed)]).toEqual([[11], [10]]);
  });

  it('looks for aged entries every ten seconds, or when one is due', () => {
    const clock = new Clock();
    const fdb = new VxlanFdb(clock, 2 * SECOND);
    const has = (low: number): boolean => fdb.find(0x0200, low, 0) >= 0;
    fdb.learn(0x0200, 1, 0, 10, 4789, 42);
    clock.advance(9 * SECOND);
    fdb.learn(0x0200, 2, 0, 10, 4789, 42);
    expect(has(1)).toBe(true);
    clock.advance(10 * SECOND);
    expect([has(1), has(2)]).toEqual([false, true]);
    clock.advance(11 * SECOND);
    expect(has(2)).toBe(false);
    // Scans come at 21 s, 31 s ... 10001 s, 10011 s.
    clock.advance(10_002 * SECOND);
    fdb.learn(0x0200, 3, 0, 10, 4789, 42);
    clock.advance(10_005 * SECOND);
    expect(has(3)).toBe(true);
    clock.advance(10_011 * SECOND);
    expect(has(3)).toBe(false);
  });

  it('refuses what is beyond its limit', () => {
    const fdb = new VxlanFdb(new Clock(), SECOND, 2);
    for (let low = 1; low <= 3; low++) fdb.learn(0x0200, low, 0, 10, 4789, 42);
    expect(fdb.size).toBe(2);
    expect(() => fdb.set(0x0200, 9, 0, to(1), NUD_PERMANENT, 'replace')).toThrow('full');
  });

  it('is a map of stations to lists', () => {
    const entry = fc.record({
      low: fc.integer({ min: 0, max: 30 }),
      address: fc.integer({ min: 1, max: 5 }),
      mode: fc.constantFrom('append' as const, 'learn' as const, 'remove' as const),
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 200 }), (entries) => {
        const fdb = new VxlanFdb(new Clock());
        const model = new Map<number, number[]>();
        for (const { low, address, mode } of entries) {
          const row = fdb.find(0x0100, low, 0);
          const known = model.get(low);
          if (mode === 'remove') {
            if (row >= 0) fdb.remove(row);
            model.delete(low);
          } else if (mode === 'learn' && row < 0) {
            fdb.learn(0x0100, low, 0, address, 4789, 42);
            model.set(low, [address]);
          } else if (mode === 'append') {
            fdb.set(0x0100, low, 0, to(address), NUD_PERMANENT, 'append');
            if (known === undefined) model.set(low, [address]);
            else if (!known.includes(address)) known.push(address);
          }
        }
        for (let low = 0; low <= 30; low++) {
          const row = fdb.find(0x0100, low, 0);
          expect(row < 0 ? undefined : remotes(fdb, row)).toEqual(model.get(low));
        }
      }),
    );
  });
});
