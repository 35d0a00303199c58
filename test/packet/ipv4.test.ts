import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketError } from '../../src/packet/error.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import * as options from '../../src/packet/ipv4-options.ts';
import { reason } from '../../src/packet/reason.ts';
import { holds, inverse, ip4, u8, u16, viewOf, words } from './bytes.ts';

/** ICMP echo, DF, TTL 63. */
const ECHO = '45000054 b1c24000 3f01 6fe4 0a000002 0a000202'.replaceAll(' ', '');

describe('ipv4', () => {
  const bytes = viewOf(ECHO + '00'.repeat(64));
  it('reads a header', () => {
    ipv4.fillChecksum(bytes, 0);
    expect(ipv4.check(bytes, 0, 84)).toBe(0);
    expect(ipv4.parse(bytes, 0, 84)).toMatchObject({
      totalLength: 84,
      id: 0xb1c2,
      fragment: ipv4.DF,
      ttl: 63,
      protocol: ipv4.ICMP,
      src: '10.0.0.2',
      dst: '10.0.2.2',
    });
  });
  it('names the reason as ip_rcv_core does', () => {
    const broken = (at: number, value: number, sum = true): number => {
      const v = viewOf(ECHO + '00'.repeat(64));
      v.setUint8(at, value);
      if (sum) ipv4.fillChecksum(v, 0);
      return ipv4.check(v, 0, 84);
    };
    expect(broken(0, 0x45, false)).toBe(reason('IP_CSUM'));
    expect(broken(0, 0x65)).toBe(reason('IP_INHDR'));
    expect(broken(0, 0x44)).toBe(reason('IP_INHDR'));
    expect(broken(2, 1)).toBe(reason('PKT_TOO_SMALL'));
    expect(broken(3, 19)).toBe(reason('IP_INHDR'));
    expect(broken(3, 20)).toBe(0);
    expect(ipv4.check(bytes, 0, 19)).toBe(reason('IP_INHDR'));
  });
  it('parses a header whose checksum is wrong, but none whose lengths are', () => {
    const v = viewOf(ECHO + '00'.repeat(64));
    ipv4.setChecksum(v, 0, 0x1234);
    expect(ipv4.parse(v, 0, 84).checksum).toBe(0x1234);
    ipv4.setTotalLength(v, 0, 85);
    expect(() => ipv4.parse(v, 0, 84)).toThrow(PacketError);
  });
  it('tells fragments', () => {
    const v = viewOf(ECHO);
    const is = (fragment: number): [boolean, number] => {
      ipv4.setFragment(v, 0, fragment);
      return [ipv4.isFragment(v, 0), ipv4.fragmentOffset(v, 0)];
    };
    expect([is(ipv4.DF), is(ipv4.MF), is(185), is(ipv4.MF | 0x1fff)]).toEqual([
      [false, 0],
      [true, 0],
      [true, 1480],
      [true, 65528],
    ]);
  });
  const header = fc.record({
    tos: u8,
    id: u16,
    fragment: u16,
    ttl: u8,
    protocol: u8,
    checksum: u16,
    src: ip4,
    dst: ip4,
    options: words(40),
  });
  const whole = header.map((h) => ({ ...h, totalLength: 20 + h.options.length }));
  const unchecked = { ...ipv4, check: (_v: DataView, at: number, end: number): number => (end - at < 60 ? 1 : 0) };
  it('writes what it reads', () => inverse(unchecked, whole, (h) => 20 + h.options.length));
  it('keeps the checksum right when TOS or TTL is set', () => {
    holds(
      fc.property(whole, u8, u8, (h, tos, ttl) => {
        const v = viewOf(new Uint8Array(60));
        ipv4.emit(h, v, 0);
        ipv4.fillChecksum(v, 0);
        ipv4.setTos(v, 0, tos);
        ipv4.setTtl(v, 0, ttl);
        expect([ipv4.check(v, 0, 60), ipv4.tos(v, 0), ipv4.ttl(v, 0)]).toEqual([0, tos, ttl]);
      }),
    );
  });
});

describe('ipv4 options', () => {
  const walk = (hex: string): number[] => {
    const bytes = hex.replaceAll(' ', '');
    const v = viewOf(`4${(5 + bytes.length / 8).toString(16)}${'00'.repeat(19)}${bytes}`);
    const kinds: number[] = [];
    for (let i = options.first(v, 0); i >= 0; i = options.next(v, 0, i)) kinds.push(options.kind(v, i));
    return kinds;
  };
  it('are walked to the end, or to where they are bad', () => {
    expect(walk('')).toEqual([]);
    expect(walk('01 07 07 04 00000000')).toEqual([options.NOOP, options.RR]);
    expect(walk('94 04 0000 01 01 01 01')).toEqual([options.RA, 1, 1, 1, 1]);
    expect(walk('00 07 07 04')).toEqual([options.END]);
    expect(walk('01 07 01 04')).toEqual([options.NOOP]);
    expect(walk('01 01 01 07')).toEqual([1, 1, 1]);
    expect(walk('07 07 04 00')).toEqual([]);
  });
  it('are found by kind', () => {
    const v = viewOf(`48${'00'.repeat(19)}01 44 0b 09 31 00000001 00 00 00`.replaceAll(' ', ''));
    const at = options.find(v, 0, options.TIMESTAMP);
    expect(at).toBe(21);
    expect([options.pointer(v, at), options.overflow(v, at), options.timestampFlags(v, at)]).toEqual([9, 3, 1]);
    options.setPointer(v, at, 13);
    options.setOverflow(v, at, 15);
    expect([options.pointer(v, at), options.overflow(v, at), options.timestampFlags(v, at)]).toEqual([13, 15, 1]);
    expect(options.find(v, 0, options.SSRR)).toBe(-1);
  });
});
