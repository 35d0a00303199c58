import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as icmp from '../../src/packet/icmp.ts';
import * as icmpv6 from '../../src/packet/icmpv6.ts';
import * as ipv6 from '../../src/packet/ipv6.ts';
import { inverse, u8, u16, u32, viewOf } from './bytes.ts';

const all = Array.from({ length: 256 }, (_, type) => type);
const header = fc.record({ type: u8, code: u8, checksum: u16, info: u32 });

describe('icmp', () => {
  it('reads an echo request as captured', () => {
    const v = viewOf('0800 f7fd 0001 0001');
    expect(icmp.parse(v, 0, 8)).toEqual({ type: icmp.ECHO, code: 0, checksum: 0xf7fd, info: 0x00010001 });
    icmp.setChecksum(v, 0, 0);
    icmp.fillChecksum(v, 0, 8);
    expect(icmp.checksum(v, 0)).toBe(0xf7fd);
  });
  it('knows which types quote, which ask and which answer', () => {
    expect(all.filter(icmp.isError)).toEqual([3, 4, 5, 11, 12]);
    expect(all.filter(icmp.isRequest)).toEqual([8, 13, 15, 17]);
    expect(all.filter(icmp.isQuery)).toEqual([0, 8, 13, 14, 15, 16, 17, 18]);
    expect(all.filter((type) => icmp.inverse(type) >= 0).map((type) => icmp.inverse(type))).toEqual([
      8, 0, 14, 13, 16, 15, 18, 17,
    ]);
  });
  it('follows a change of the id', () => {
    const v = viewOf('0800 f7fd 0001 0001');
    icmp.fillChecksum(v, 0, 8);
    icmp.adjustChecksum16(v, 0, 1, 0xbeef);
    icmp.setId(v, 0, 0xbeef);
    const adjusted = icmp.checksum(v, 0);
    icmp.fillChecksum(v, 0, 8);
    expect(icmp.checksum(v, 0)).toBe(adjusted);
  });
  it('writes what it reads', () => inverse(icmp, header, () => 8));
});

describe('icmpv6', () => {
  it('knows which types quote, ask, answer, and pass conntrack', () => {
    expect(all.filter(icmpv6.isError).length).toBe(128);
    expect(all.filter(icmpv6.isRequest)).toEqual([128, 139]);
    expect(all.filter((type) => icmpv6.inverse(type) >= 0)).toEqual([128, 129, 139, 140]);
    expect(all.filter(icmpv6.isNeverTracked)).toEqual([130, 131, 132, 133, 134, 135, 136, 143]);
  });
  it('has a checksum over the pseudo header: an echo request as captured', () => {
    const v = viewOf(
      `60000000000c3a40 fd000000000000000000000000000001 fd000000000000000000000000000002 80000000 0005 0006 61626364`,
    );
    icmpv6.fillChecksum(v, 40, 52, ipv6.pseudo(v, 0, 58, 12));
    expect(icmpv6.parse(v, 40, 52)).toEqual({ type: 128, code: 0, checksum: 0xc0e2, info: 0x00050006 });
  });
  it('writes what it reads', () => inverse(icmpv6, header, () => 8));
});
