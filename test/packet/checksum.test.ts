import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as sum from '../../src/packet/checksum.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import * as tcp from '../../src/packet/tcp.ts';
import * as udp from '../../src/packet/udp.ts';
import { bytesOf, holds, u16, u32, viewOf } from './bytes.ts';

/** Word by word with the carry put back at once: RFC 1071 as it is written, to hold the fast one to. */
function slow(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) {
    total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
    if (total > 0xffff) total -= 0xffff;
  }
  return ~total & 0xffff;
}

const header = (bytes: Uint8Array): Uint8Array => {
  const ip = bytes.slice();
  ip[0] = 0x45;
  return ip;
};
const headers = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(header);

describe('the full checksum', () => {
  it('is that of RFC 1071 section 3', () => {
    expect(sum.checksum(viewOf('0001f203f4f5f6f7'), 0, 8)).toBe(~0xddf2 & 0xffff);
  });
  it('is right for every length, odd ones too, at any place', () => {
    holds(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 5 }), (bytes, at) => {
        const all = new Uint8Array(at + bytes.length + 3).fill(0x77);
        all.set(bytes, at);
        expect(sum.checksum(viewOf(all), at, at + bytes.length)).toBe(slow(bytes));
      }),
    );
  });
  it('does not overflow on 64 KiB of ones', () => {
    expect(sum.checksum(viewOf(new Uint8Array(65535).fill(0xff)), 0, 65534)).toBe(0);
  });
  it('may be taken in pieces of even length', () => {
    holds(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 64 }), fc.nat(), (bytes, cut) => {
        const v = viewOf(bytes);
        const middle = 2 * (cut % (bytes.length >> 1));
        expect(sum.finish(sum.add(v, middle, bytes.length, sum.add(v, 0, middle)))).toBe(slow(bytes));
      }),
    );
  });
});

describe('a checksum that follows a change', () => {
  it('agrees with the full one', () => {
    holds(
      fc.property(headers, fc.constantFrom(2, 4, 6, 8, 12, 14, 16, 18), u16, (ip, field, value) => {
        const v = viewOf(ip);
        ipv4.fillChecksum(v, 0);
        const next = sum.replace16(ipv4.checksum(v, 0), v.getUint16(field), value);
        v.setUint16(field, value);
        ipv4.fillChecksum(v, 0);
        expect(next).toBe(ipv4.checksum(v, 0));
      }),
    );
  });
  it('agrees for addresses, and leaves a wrong checksum as wrong as it was', () => {
    holds(
      fc.property(headers, u32, u32, u16, (ip, src, dst, wrong) => {
        const v = viewOf(ip);
        ipv4.fillChecksum(v, 0);
        ipv4.setSrc(v, 0, src | 0);
        ipv4.setDst(v, 0, dst | 0);
        expect(sum.fold(sum.add(v, 0, 20))).toBe(0xffff);
        const off = sum.fold(ipv4.checksum(v, 0) + wrong);
        ipv4.setChecksum(v, 0, off);
        const before = sum.fold(sum.add(v, 0, 20)) % 0xffff;
        ipv4.setDst(v, 0, src | 0);
        expect(sum.fold(sum.add(v, 0, 20)) % 0xffff).toBe(before);
      }),
    );
  });
  it('knows the two zeros as Linux does: csum_replace2 may give 0xffff, csum_replace4 never', () => {
    expect(sum.replace16(0xffff, 0xffff, 0)).toBe(0xffff);
    expect(sum.replace32(0xffff, 0xffff, 0)).toBe(0);
    expect(sum.replace32(0xffff, -1, 0)).toBe(0);
    expect(sum.replace32(0x1234, 0x0a000001, 0x0a000001)).toBe(0x1234);
  });
  it('takes addresses signed or unsigned', () => {
    holds(
      fc.property(
        u16,
        u32,
        u32,
        (old, from, to) => sum.replace32(old, from, to) === sum.replace32(old, from | 0, to | 0),
      ),
    );
  });
});

describe('one hop', () => {
  it('costs one TTL and keeps the checksum right', () => {
    holds(
      fc.property(headers, (ip) => {
        const v = viewOf(ip);
        const ttl = Math.max(1, ip[8]!);
        v.setUint8(8, ttl);
        ipv4.fillChecksum(v, 0);
        ipv4.decrementTtl(v, 0);
        expect(ipv4.ttl(v, 0)).toBe(ttl - 1);
        expect(sum.fold(sum.add(v, 0, 20))).toBe(0xffff);
        expect(ipv4.checksum(v, 0)).not.toBe(0xffff);
      }),
    );
  });
  it.each([
    [0xfeff, 0x0000],
    [0xfefe, 0xfffe],
    [0xff00, 0x0001],
    [0xffff, 0x0100],
    [0x0000, 0x0100],
  ])('turns checksum %i into %i, as ip_decrease_ttl', (before, after) => {
    const v = viewOf(new Uint8Array(20).fill(0x45, 0, 1).fill(9, 8, 9));
    ipv4.setChecksum(v, 0, before);
    ipv4.decrementTtl(v, 0);
    expect(ipv4.checksum(v, 0)).toBe(after);
  });
});

describe('pseudo headers', () => {
  it('of IPv4: a UDP datagram of DNS as captured', () => {
    const v = viewOf(
      '450000310001000040116 6b90a0000010a0000020fa00035001dd618000001000001000000000000016101620000010001',
    );
    expect(sum.finish(sum.add(v, 20, 49, ipv4.pseudo(v, 0, 29)))).toBe(0);
  });
  it('of IPv6: an echo request as captured', () => {
    const v = viewOf(
      `60000000000c3a40 fd000000000000000000000000000001 fd000000000000000000000000000002 8000 0000 0005 0006 61626364`,
    );
    const expected = slow(
      bytesOf(
        `fd000000000000000000000000000001 fd000000000000000000000000000002 0000000c 0000003a 8000000000050006 61626364`,
      ),
    );
    expect(sum.finish(sum.add(v, 40, 52, sum.pseudo6(v, 8, 58, 12)))).toBe(expected);
  });
  it('counts a length over 65535', () => {
    const v = viewOf(new Uint8Array(32));
    expect(sum.fold(sum.pseudo6(v, 0, 17, 0x10001))).toBe(17 + 2);
  });
});

describe('UDP zero', () => {
  it('is sent as 0xffff when computed, stays 0 when there was none', () => {
    const v = viewOf('0000 0000 0008 0000'.replaceAll(' ', ''));
    udp.fillChecksum(v, 0, 8, 0xfff7);
    expect(udp.checksum(v, 0)).toBe(0xffff);
    udp.setChecksum(v, 0, 0);
    udp.adjustChecksum16(v, 0, 1, 2);
    udp.adjustChecksum32(v, 0, 1, 2);
    expect(udp.checksum(v, 0)).toBe(0);
  });
  it('never appears by adjusting', () => {
    holds(
      fc.property(fc.integer({ min: 1, max: 0xffff }), u32, u32, (old, from, to) => {
        const v = viewOf('0000000000080000');
        udp.setChecksum(v, 0, old);
        udp.adjustChecksum32(v, 0, from, to);
        expect(udp.checksum(v, 0)).not.toBe(0);
      }),
    );
  });
});

describe('TCP', () => {
  it('keeps a right checksum right over changes of ports, flags and addresses', () => {
    holds(
      fc.property(
        fc.uint8Array({ minLength: 20, maxLength: 61 }),
        u16,
        u16,
        u32,
        u32,
        (bytes, from, to, oldIp, newIp) => {
          const v = viewOf(bytes.slice());
          const pseudo = (ip: number): number => (ip >>> 16) + (ip & 0xffff) + 6 + bytes.length;
          v.setUint16(0, from);
          tcp.fillChecksum(v, 0, bytes.length, pseudo(oldIp));
          tcp.adjustChecksum16(v, 0, from, to);
          tcp.setSrcPort(v, 0, to);
          tcp.adjustChecksum32(v, 0, oldIp, newIp);
          expect(sum.finish(sum.add(v, 0, bytes.length, pseudo(newIp)))).toBe(0);
        },
      ),
    );
  });
});
