import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ecn from '../../src/overlay/ecn.ts';
import * as sum from '../../src/packet/checksum.ts';
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from '../../src/packet/ethernet.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';

const NAMES = ['not-ECT', 'ECT(1)', 'ECT(0)', 'CE'] as const;

function ipv4Header(tos: number, id = 1): DataView {
  const v = new DataView(new ArrayBuffer(20));
  ipv4.emit(
    {
      tos,
      totalLength: 20,
      id,
      fragment: 0,
      ttl: 64,
      protocol: 17,
      checksum: 0,
      src: '10.0.0.1',
      dst: '10.0.0.2',
      options: new Uint8Array(),
    },
    v,
    0,
  );
  ipv4.fillChecksum(v, 0);
  return v;
}

describe('ECN of tunnels', () => {
  it('goes out as Linux encapsulates it', () => {
    const table = [0, 1, 2, 3].map((inner) => NAMES[ecn.encapsulate(0xb8, 0xfc | inner) & 3]);
    expect(table).toEqual(['not-ECT', 'ECT(1)', 'ECT(0)', 'ECT(0)']);
    expect(ecn.encapsulate(0xb8, 0x2f) & 0xfc).toBe(0xb8);
  });

  it.each([
    // outer: what becomes of an inner not-ECT, ECT(1), ECT(0), CE
    [0, ['not-ECT', 'ECT(1)', 'ECT(0)', 'CE']],
    [1, ['not-ECT', 'ECT(1)', 'ECT(1)', 'CE']],
    [2, ['not-ECT', 'ECT(1)', 'ECT(0)', 'CE']],
    [3, ['dropped', 'CE', 'CE', 'CE']],
  ])('comes in with outer %i as Linux decapsulates it', (outer, expected) => {
    const four = [0, 1, 2, 3].map((inner) => {
      const v = ipv4Header(0xb8 | inner);
      return ecn.decapsulate(outer, v, 0, 20, ETH_P_IP) ? NAMES[ipv4.tos(v, 0) & 3] : 'dropped';
    });
    expect(four).toEqual(expected);
    const six = [0, 1, 2, 3].map((inner) => {
      const v = new DataView(new ArrayBuffer(40));
      v.setUint32(0, 0x6b800000 | (inner << 20) | 0x12345);
      return ecn.decapsulate(outer, v, 0, 40, ETH_P_IPV6) ? NAMES[(v.getUint32(0) >>> 20) & 3] : 'dropped';
    });
    expect(six).toEqual(expected);
  });

  it('keeps the IPv4 header checksum right', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 0xffff }),
        fc.nat(3),
        (tos, id, outer) => {
          const v = ipv4Header(tos, id);
          if (ecn.decapsulate(outer, v, 0, 20, ETH_P_IP)) expect(sum.fold(sum.add(v, 0, 20))).toBe(0xffff);
        },
      ),
    );
  });

  it('leaves other protocols and cut headers alone', () => {
    const v = ipv4Header(0);
    expect(ecn.decapsulate(3, v, 0, 20, ETH_P_ARP)).toBe(true);
    expect(ecn.decapsulate(3, v, 0, 19, ETH_P_IP)).toBe(true);
    expect(ecn.dsfield(v, 0, 20, ETH_P_ARP)).toBe(-1);
  });
});
