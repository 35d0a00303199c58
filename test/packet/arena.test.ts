import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEADROOM, PacketPool } from '../../src/packet/arena.ts';
import type { Packet } from '../../src/packet/packet.ts';
import { holds } from './bytes.ts';

const fill = (pkt: Packet, byte: number): void => void pkt.bytes.fill(byte, pkt.data, pkt.end);
const isFilled = (pkt: Packet, byte: number): boolean =>
  pkt.bytes.subarray(pkt.data, pkt.end).every((found) => found === byte);

describe('PacketPool', () => {
  it('keeps packets apart whatever is taken, released and exchanged (against a model)', () => {
    const operations = fc.array(
      fc.tuple(fc.constantFrom('take', 'takeLarge', 'release', 'exchange', 'copy'), fc.nat(), fc.nat()),
      { maxLength: 300 },
    );
    holds(
      fc.property(operations, (steps) => {
        const pool = new PacketPool();
        const model: { pkt: Packet; byte: number }[] = [];
        const ids = new Set<number>();
        const enter = (pkt: Packet | null, byte: number): void => {
          if (pkt === null) throw new Error('the pool is far from its limit');
          expect(ids.has(pkt.id)).toBe(false);
          ids.add(pkt.id);
          fill(pkt, byte);
          model.push({ pkt, byte });
        };
        steps.forEach(([what, a, b], step) => {
          const one = model[a % (model.length || 1)];
          const two = model[b % (model.length || 1)];
          if (what === 'take') enter(pool.take(a % 1500), step & 255);
          else if (what === 'takeLarge') enter(pool.take(2000 + (a % 60_000)), step & 255);
          else if (one === undefined || two === undefined) return;
          else if (what === 'release') {
            pool.release(one.pkt);
            model.splice(model.indexOf(one), 1);
          } else if (what === 'exchange') {
            one.pkt.exchange(two.pkt);
            [one.byte, two.byte] = [two.byte, one.byte];
          } else enter(pool.copy(one.pkt), one.byte);
        });
        expect(pool.live).toBe(model.length);
        for (const { pkt, byte } of model) expect(isFilled(pkt, byte)).toBe(true);
        const slots = model.map(({ pkt }) => pkt.view.buffer).map((buffer, i) => [buffer, model[i]!.pkt.head] as const);
        expect(slots.every(([b, h], i) => slots.findIndex(([c, g]) => b === c && h === g) === i)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('hands out a packet as new, behind its headroom', () => {
    const pool = new PacketPool();
    const old = pool.take(100)!;
    old.mark = 5;
    old.ct = 9;
    old.l3 = old.data;
    old.push(20);
    pool.release(old);
    const pkt = pool.take(64)!;
    expect(pkt).toBe(old);
    expect([pkt.mark, pkt.ct, pkt.l3, pkt.length, pkt.data - pkt.head]).toEqual([0, -1, -1, 64, HEADROOM]);
  });

  it('refuses a second release', () => {
    const pool = new PacketPool();
    const pkt = pool.take(10)!;
    pool.release(pkt);
    expect(() => pool.release(pkt)).toThrow('released twice');
    expect(pool.live).toBe(0);
  });

  it('says null beyond its limit, and serves again after a release', () => {
    const pool = new PacketPool(2048 * 64);
    const taken = Array.from({ length: 64 }, () => pool.take(60)!);
    expect(taken.includes(null as never)).toBe(false);
    expect(pool.take(60)).toBeNull();
    expect(pool.take(40_000)).toBeNull();
    pool.release(taken[7]!);
    expect(pool.take(60)).toBe(taken[7]);
  });

  it('holds 64 KiB of IP in Ethernet with tags, and no more', () => {
    const pool = new PacketPool();
    expect(pool.take(65_535 + 14 + 8)).not.toBeNull();
    expect(pool.take(67_584)).toBeNull();
  });

  it('copies bytes, offsets and metadata, with an identity of its own', () => {
    const pool = new PacketPool();
    const pkt = pool.from(Uint8Array.of(1, 2, 3, 4))!;
    pkt.l2 = pkt.data;
    pkt.l3 = pkt.data + 2;
    pkt.mark = 7;
    pkt.push(1);
    const twin = pool.copy(pkt)!;
    expect(Array.from(twin.bytes.subarray(twin.data + 1, twin.end))).toEqual([1, 2, 3, 4]);
    expect([twin.l2 - twin.data, twin.l3 - twin.data, twin.l4, twin.mark]).toEqual([1, 3, -1, 7]);
    expect(twin.id).not.toBe(pkt.id);
  });
});

describe('Packet', () => {
  it('gives room in front and at the end, and no more than there is', () => {
    const pkt = new PacketPool().take(100)!;
    expect(pkt.push(HEADROOM)).toBe(true);
    expect(pkt.push(1)).toBe(false);
    expect(pkt.pull(HEADROOM + 100)).toBe(true);
    expect(pkt.pull(1)).toBe(false);
    expect(pkt.length).toBe(0);
    expect(pkt.resize(pkt.limit - pkt.data)).toBe(true);
    expect(pkt.resize(pkt.limit - pkt.data + 1)).toBe(false);
    expect(pkt.resize(-1)).toBe(false);
  });
  it('gives its slot back to the right list after an exchange between sizes', () => {
    const pool = new PacketPool();
    const [small, large] = [pool.take(10)!, pool.take(30_000)!];
    small.exchange(large);
    expect([small.length, large.length]).toEqual([30_000, 10]);
    pool.release(small);
    pool.release(large);
    expect(pool.take(30_000)).toBe(small);
    expect(pool.take(10)).toBe(large);
  });
});
