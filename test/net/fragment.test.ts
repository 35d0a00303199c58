import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { IP_DEFRAG_CONNTRACK_IN } from '../../src/net/fragment.ts';
import { type HookEntry, NF_ACCEPT, NF_STOLEN, PREROUTING, PRI_CONNTRACK_DEFRAG } from '../../src/net/hook.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import { SECOND } from '../../src/sim/clock.ts';
import { type Host, hex, ipv4Frame, readIpv4, router, udp } from './host.ts';

const MF = 0x2000;

/** Reassemble before routing, as conntrack does. */
function defragmenting(mtu?: number): Host {
  const host = router(mtu);
  const entry: HookEntry = {
    priority: PRI_CONNTRACK_DEFRAG,
    run: (pkt) => {
      if (!ipv4.isFragment(pkt.view, pkt.l3)) return NF_ACCEPT;
      return host.ns.ip.defrag(pkt, IP_DEFRAG_CONNTRACK_IN) ? NF_ACCEPT : NF_STOLEN;
    },
  };
  host.ns.hooks4.register(PREROUTING, entry);
  return host;
}

/** Cut a payload at multiples of eight. */
function cut(payload: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0, i = 0; at < payload.length; i++) {
    const size = Math.min(8 * sizes[i % sizes.length]!, payload.length - at);
    const more = at + size < payload.length ? MF : 0;
    frames.push(ipv4Frame({ fragment: more | (at >> 3), payload: payload.slice(at, at + size), id: 77 }));
    at += size;
  }
  return frames;
}

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);

const cuts = fc.record({
  length: fc.integer({ min: 17, max: 4000 }),
  sizes: fc.array(fc.integer({ min: 1, max: 180 }), { minLength: 1, maxLength: 6 }),
  order: fc.array(fc.nat(), { minLength: 30, maxLength: 30 }),
});

describe('reassembly', () => {
  test('any cut, in any order, leaves in the pieces in which it came', () => {
    void fc.assert(
      fc.property(cuts, ({ length, sizes, order }) => {
        const host = defragmenting();
        const payload = bytes(length);
        const frames = cut(payload, sizes);
        const shuffled = frames
          .map((frame, i) => ({ frame, key: order[i % order.length]! }))
          .sort((a, b) => a.key - b.key);
        const sent = shuffled.flatMap(({ frame }) => host.inject('eth0', frame));
        expect(sent.map((f) => readIpv4(f.bytes).offset)).toEqual(frames.map((f) => readIpv4(f).offset));
        expect(sent.map((f) => readIpv4(f.bytes).length)).toEqual(frames.map((f) => readIpv4(f).length));
        expect(hex(Uint8Array.from(sent.flatMap((f) => [...readIpv4(f.bytes).payload])))).toBe(hex(payload));
        expect(host.pool.live).toBe(0);
        expect(host.ns.ip.fragments.size).toBe(0);
      }),
      { numRuns: 80 },
    );
  });

  test('a duplicate is ignored, an overlap ends the datagram', () => {
    const host = defragmenting();
    const [a, b, c] = cut(bytes(48), [2]) as [Uint8Array, Uint8Array, Uint8Array];
    expect(host.inject('eth0', a)).toEqual([]);
    expect(host.inject('eth0', a)).toEqual([]);
    expect(host.inject('eth0', b)).toEqual([]);
    expect(host.inject('eth0', c)).toHaveLength(3);
    host.inject('eth0', a);
    host.inject('eth0', ipv4Frame({ id: 77, fragment: MF | 1, payload: bytes(24) }));
    expect(host.ns.ip.fragments.size).toBe(0);
    expect(host.inject('eth0', c)).toEqual([]);
    expect(host.ns.ip.fragments.size).toBe(1);
  });

  test('one CE fragment marks the datagram; with not-ECT ones it ends it', () => {
    const pieces = (tos: readonly number[]): number => {
      const host = defragmenting();
      const sent = tos.flatMap((value, i) =>
        host.inject(
          'eth0',
          ipv4Frame({ tos: value, id: 5, fragment: i + 1 < tos.length ? MF | i : i, payload: bytes(8) }),
        ),
      );
      return sent.length === 0 ? -1 : sent[0]!.bytes[15]!;
    };
    expect(pieces([2, 3, 2])).toBe(3);
    expect(pieces([0, 3])).toBe(-1);
    expect(pieces([0, 0])).toBe(0);
  });

  test('an incomplete one goes after 30 s, in silence', () => {
    const host = defragmenting();
    host.inject('eth0', cut(bytes(48), [2])[0]!);
    expect(host.wait(31 * SECOND)).toEqual([]);
    expect(host.pool.live).toBe(0);
  });

  test('the host that it was for says so, if it has the beginning', () => {
    const host = router();
    const part = (fragment: number, id: number): Uint8Array =>
      ipv4Frame({ dst: '10.0.1.1', id, fragment, protocol: 17, payload: bytes(16) });
    host.inject('eth0', part(MF, 1));
    host.inject('eth0', part(MF | 2, 2));
    const told = host.wait(31 * SECOND);
    expect(told.map(({ bytes: f }) => [f[34], f[35]])).toEqual([[11, 1]]);
    expect(host.pool.live).toBe(0);
  });

  test('memory is bounded', () => {
    const host = defragmenting();
    host.ns.sysctl.set('net.ipv4.ipfrag_high_thresh', 50_000);
    for (let id = 0; id < 1000; id++) host.inject('eth0', ipv4Frame({ id, fragment: MF, payload: bytes(8) }));
    expect(host.pool.live).toBeLessThan(100);
    host.wait(31 * SECOND);
    expect(host.pool.live).toBe(0);
  });
});

describe('fragmentation', () => {
  test('pieces as large as the MTU takes, offsets in units of eight, id kept', () => {
    void fc.assert(
      fc.property(fc.integer({ min: 68, max: 1500 }), fc.integer({ min: 0, max: 1480 }), (mtu, length) => {
        const host = router(mtu);
        const payload = bytes(length);
        const sent = host.inject('eth0', ipv4Frame({ payload, id: 0x1234 }));
        const parts = sent.map((f) => readIpv4(f.bytes));
        if (length + 20 <= mtu) expect(parts).toHaveLength(1);
        for (const part of parts) {
          expect(part.length).toBeLessThanOrEqual(mtu);
          expect(part.id).toBe(0x1234);
          expect(part.ttl).toBe(63);
        }
        for (const part of parts.slice(0, -1)) {
          expect(part.mf).toBe(true);
          expect(part.payload.length).toBe((mtu - 20) & ~7);
        }
        expect(parts.at(-1)!.mf).toBe(false);
        expect(hex(Uint8Array.from(parts.flatMap((part) => [...part.payload])))).toBe(hex(payload));
        expect(host.pool.live).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test('options that are not copied become NOPs behind the first', () => {
    const host = router(120);
    const sent = host.inject('eth0', ipv4Frame({ payload: bytes(200), options: [0x9e, 4, 1, 2, 0x1e, 4, 3, 4] }));
    expect(sent.map(({ bytes: f }) => hex(f.slice(34, 42)))).toEqual([
      '9e0401021e040304',
      '9e04010201010101',
      '9e04010201010101',
    ]);
  });

  test('what must not be fragmented is answered with the MTU', () => {
    const host = router(600);
    const [error] = host.inject('eth0', ipv4Frame({ fragment: 0x4000, payload: udp(1, 2, bytes(1000)), protocol: 17 }));
    expect(error!.port).toBe('eth0');
    expect([error!.bytes[34], error!.bytes[35], error!.bytes[40]! * 256 + error!.bytes[41]!]).toEqual([3, 4, 600]);
  });

  test('reassembled fragments that are too big are cut anew', () => {
    const host = defragmenting(576);
    const sent = cut(bytes(2000), [150]).flatMap((frame) => host.inject('eth0', frame));
    expect(sent.map((f) => readIpv4(f.bytes).length)).toEqual([572, 572, 572, 364]);
  });
});
