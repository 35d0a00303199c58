import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Address6, format6 } from '../../src/packet/address.ts';
import * as ipv6 from '../../src/packet/ipv6.ts';
import * as ext from '../../src/packet/ipv6-ext.ts';
import { reason } from '../../src/packet/reason.ts';
import { inverse, u8, u32, upTo, viewOf } from './bytes.ts';

const address = fc.tuple(u32, u32, u32, u32).map((words) => format6(words.map((w) => w | 0) as unknown as Address6));
const FIXED = 'fd000000000000000000000000000001fd000000000000000000000000000002';
const packet = (next: number, rest: string): DataView => {
  const body = rest.replaceAll(' ', '');
  const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0');
  return viewOf(`6ab12345${hex(body.length / 2, 4)}${hex(next, 2)}40${FIXED}${body}`);
};

describe('ipv6', () => {
  it('reads a header', () => {
    const v = packet(17, '0001000200080000');
    expect(ipv6.parse(v, 0, 48)).toEqual({
      trafficClass: 0xab,
      flowLabel: 0x12345,
      payloadLength: 8,
      nextHeader: 17,
      hopLimit: 64,
      src: 'fd00::1',
      dst: 'fd00::2',
    });
    ipv6.setTrafficClass(v, 0, 0xc0);
    expect([ipv6.version(v, 0), ipv6.trafficClass(v, 0), ipv6.flowLabel(v, 0)]).toEqual([6, 0xc0, 0x12345]);
    expect(ipv6.check(v, 0, 47)).toBe(reason('PKT_TOO_SMALL'));
    expect(ipv6.check(v, 0, 39)).toBe(reason('IP_INHDR'));
  });
  const header = fc.record({
    trafficClass: u8,
    flowLabel: upTo(0xfffff),
    payloadLength: fc.constant(0),
    nextHeader: u8,
    hopLimit: u8,
    src: address,
    dst: address,
  });
  it('writes what it reads', () => inverse(ipv6, header, () => 40));
});

describe('the walk over extension headers', () => {
  const found = new ext.Found();
  const HBH = '2b 00 0502000001 00';
  const ROUTING = '2c 02 00 00 00000000 fd000000000000000000000000000007';
  const FRAGMENT = '11 00 0001 00000009';
  const UDP = '0001000200080000';
  const all = packet(0, `${HBH} ${ROUTING} ${FRAGMENT} ${UDP}`);
  const end = all.byteLength;

  it('reaches the transport', () => {
    expect(ext.find(all, 0, end, -1, found)).toBe(true);
    expect([found.protocol, found.at, found.fragmentOffset, found.fragmentHeader]).toEqual([17, 80, 0, 72]);
  });
  it('finds a header that is asked for, or says that it is not there', () => {
    expect([ext.find(all, 0, end, ext.ROUTING, found), found.at]).toEqual([true, 48]);
    expect([ext.find(all, 0, end, ext.FRAGMENT, found), found.at]).toEqual([true, 72]);
    expect([ext.find(all, 0, end, 17, found), found.at]).toEqual([true, 80]);
    expect(ext.find(all, 0, end, ext.AUTH, found)).toBe(false);
    expect(ext.find(all, 0, end, ext.ROUTING, found, ext.SKIP_SPENT_ROUTING)).toBe(false);
  });
  it('says what a later fragment carries, and where it lies', () => {
    const later = packet(44, '06 00 0099 00000009 00000000');
    expect(ext.find(later, 0, later.byteLength, -1, found)).toBe(true);
    expect([found.protocol, found.fragmentOffset]).toEqual([6, 0x98]);
    expect(ext.find(later, 0, later.byteLength, 6, found)).toBe(false);
    expect(ext.find(later, 0, later.byteLength, ext.FRAGMENT, found)).toBe(true);
    const nested = packet(44, '3c 00 0099 00000009 00000000');
    expect(ext.find(nested, 0, nested.byteLength, -1, found)).toBe(false);
  });
  it('stops at an AH when told to, passes it otherwise', () => {
    const v = packet(51, '06 04 0000 00001000 00000003 787878787878787878787878 0000');
    expect([ext.find(v, 0, v.byteLength, -1, found), found.protocol, found.at]).toEqual([true, 6, 64]);
    expect([ext.find(v, 0, v.byteLength, -1, found, ext.STOP_AT_AUTH), found.protocol]).toEqual([true, 51]);
  });
  it('fails where the packet ends, or is not IPv6', () => {
    for (const cut of [39, 40, 41, 48, 51, 75]) expect(ext.find(all, 0, cut, -1, found), `${cut}`).toBe(false);
    expect(ext.find(viewOf(`45${'00'.repeat(60)}`), 0, 61, -1, found)).toBe(false);
  });
  it('ends at "no next header"', () => {
    const v = packet(60, '3b 00 010400000000');
    expect([ext.find(v, 0, v.byteLength, -1, found), found.protocol]).toEqual([true, 59]);
    expect(ext.skip(v, 40, v.byteLength, 60, found)).toBe(false);
  });
  it('skips as ipv6_skip_exthdr: a later fragment leaves it at its fragment header', () => {
    expect([ext.skip(all, 40, end, 0, found), found.protocol, found.at]).toEqual([true, 17, 80]);
    const later = packet(44, '06 00 0099 00000009 00000000');
    expect([ext.skip(later, 40, later.byteLength, 44, found), found.protocol, found.at]).toEqual([true, 44, 40]);
    expect(ext.skip(all, 40, 72, 0, found)).toBe(false);
  });
  const fragment = { ...ext, check: (v: DataView, at: number, last: number) => ext.check(v, at, last, ext.FRAGMENT) };
  const fields = { nextHeader: u8, offset: upTo(8191).map((n) => 8 * n), more: fc.boolean(), id: u32 };
  it('writes the fragment header that it reads', () => inverse(fragment, fc.record(fields), () => 8));
});
