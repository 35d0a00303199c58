/** The protocols that carry ports or keys and little else. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ah from '../../src/packet/ah.ts';
import * as dccp from '../../src/packet/dccp.ts';
import { PacketError } from '../../src/packet/error.ts';
import * as esp from '../../src/packet/esp.ts';
import * as gre from '../../src/packet/gre.ts';
import { reason } from '../../src/packet/reason.ts';
import * as sctp from '../../src/packet/sctp.ts';
import * as udp from '../../src/packet/udp.ts';
import * as vxlan from '../../src/packet/vxlan.ts';
import { bytesOf, inverse, u8, u16, u32, upTo, viewOf, words } from './bytes.ts';

const TOO_SMALL = reason('PKT_TOO_SMALL');

describe('udp', () => {
  it('reads a header, and drops one whose length lies', () => {
    const v = viewOf('0fa01388 000d9ecd 68656c6c6f');
    expect(udp.parse(v, 0, 13)).toEqual({ srcPort: 4000, dstPort: 5000, length: 13, checksum: 0x9ecd });
    expect(udp.ports(v, 0)).toBe(0x0fa01388);
    expect([udp.check(v, 0, 12), udp.check(v, 0, 14)]).toEqual([TOO_SMALL, 0]);
    udp.setLength(v, 0, 7);
    expect(udp.check(v, 0, 13)).toBe(TOO_SMALL);
    expect(() => udp.parse(v, 0, 13)).toThrow('length 7 in 13 bytes');
  });
  const header = fc.record({ srcPort: u16, dstPort: u16, length: fc.constant(8), checksum: u16 });
  it('writes what it reads', () => inverse(udp, header, () => 8));
});

describe('sctp', () => {
  /** An association's COOKIE ACK with DATA behind it, as captured. */
  const PACKET = '03e807d0 00000005 00000000 0b000004 00030015 00000063 00000000 00000000 68656c6c6f 000000';
  it('walks the chunks', () => {
    const v = viewOf(PACKET);
    const types: number[] = [];
    for (let i = sctp.firstChunk(v, 0, v.byteLength); i >= 0; i = sctp.nextChunk(v, i, v.byteLength))
      types.push(sctp.chunkType(v, i));
    expect(types).toEqual([sctp.COOKIE_ACK, sctp.DATA]);
    v.setUint16(14, 3);
    expect(sctp.firstChunk(v, 0, v.byteLength)).toBe(-1);
    v.setUint16(14, 100);
    expect(sctp.firstChunk(v, 0, v.byteLength)).toBe(-1);
  });
  it('has the CRC32c of RFC 3720 appendix B.4', () => {
    const crc = (bytes: Uint8Array): number => ~sctp.crc32c(viewOf(bytes), 0, bytes.length) >>> 0;
    expect(crc(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc(bytesOf('313233343536373839'))).toBe(0xe3069283);
  });
  it('is checked with its checksum field as zero', () => {
    const v = viewOf(PACKET);
    sctp.fillChecksum(v, 0, v.byteLength);
    expect(sctp.checksum(v, 0)).not.toBe(0);
    expect(sctp.expectedChecksum(v, 0, v.byteLength)).toBe(sctp.checksum(v, 0));
    sctp.setDstPort(v, 0, 1);
    expect(sctp.expectedChecksum(v, 0, v.byteLength)).not.toBe(sctp.checksum(v, 0));
  });
  const header = fc.record({ srcPort: u16, dstPort: u16, tag: u32, checksum: u32 });
  it('writes what it reads', () => inverse(sctp, header, () => 12));
});

describe('dccp', () => {
  it('reads a request with 48-bit sequence numbers', () => {
    const v = viewOf('0fa01388 05000000 01000000 00000100 00000000');
    expect(dccp.parse(v, 0, 20)).toEqual({
      srcPort: 4000,
      dstPort: 5000,
      headerLength: 20,
      ccval: 0,
      coverage: 0,
      checksum: 0,
      type: dccp.REQUEST,
      extended: true,
      seq: 256,
    });
    expect(dccp.check(v, 0, 19)).toBe(TOO_SMALL);
  });
  const fields = { srcPort: u16, dstPort: u16, ccval: upTo(15), coverage: upTo(15), checksum: u16, type: upTo(15) };
  const long = {
    headerLength: fc.constant(16),
    extended: fc.constant(true),
    seq: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  };
  const short = { headerLength: fc.constant(12), extended: fc.constant(false), seq: upTo(0xffffff) };
  const header = fc.oneof(fc.record({ ...fields, ...long }), fc.record({ ...fields, ...short }));
  it('writes what it reads', () => inverse(dccp, header, (h) => h.headerLength));
});

describe('gre', () => {
  it('reads a key', () => {
    const v = viewOf('2000 0800 0000004d');
    expect(gre.parse(v, 0, 8)).toEqual({ flags: gre.KEY, protocol: 0x0800, key: 77 });
    gre.setKey(v, 0, 78);
    expect([gre.key(v, 0), gre.headerLength(v, 0), gre.check(v, 0, 7)]).toEqual([78, 8, TOO_SMALL]);
  });
  it('reads what PPTP sends', () => {
    const v = viewOf('3081 880b 0004 0009 00000003 00000002');
    const expected = { flags: 0x3081, protocol: gre.PPP, payloadLength: 4, callId: 9, sequence: 3, ack: 2 };
    expect(gre.parse(v, 0, 16)).toEqual(expected);
    gre.setCallId(v, 0, 10);
    expect(gre.callId(v, 0)).toBe(10);
  });
  it('refuses source routes and later versions', () => {
    expect(gre.check(viewOf('4000 0800 00000000'), 0, 8)).toBe(reason('UNHANDLED_PROTO'));
    expect(() => gre.parse(viewOf('0002 0800 00000000'), 0, 8)).toThrow(PacketError);
  });
  const optional = <T>(bit: number, flags: number, name: string, value: fc.Arbitrary<T>) =>
    flags & bit ? { [name]: value } : {};
  const version0 = fc.constantFrom(0, gre.CSUM, gre.KEY, gre.SEQ, gre.CSUM | gre.KEY | gre.SEQ).chain((flags) =>
    fc.record({
      flags: fc.constant(flags),
      protocol: u16,
      ...optional(gre.CSUM, flags, 'checksum', u16),
      ...optional(gre.KEY, flags, 'key', u32),
      ...optional(gre.SEQ, flags, 'sequence', u32),
    }),
  );
  const version1 = fc.constantFrom(0, gre.SEQ, gre.ACK, gre.SEQ | gre.ACK).chain((flags) =>
    fc.record({
      flags: fc.constant(flags | gre.KEY | 1),
      protocol: u16,
      payloadLength: u16,
      callId: u16,
      ...optional(gre.SEQ, flags, 'sequence', u32),
      ...optional(gre.ACK, flags, 'ack', u32),
    }),
  );
  it('writes what it reads', () =>
    inverse(gre, fc.oneof(version0, version1) as fc.Arbitrary<gre.Gre>, (h) => gre.lengthOf(h.flags)));
});

describe('esp and ah', () => {
  it('write what they read', () => {
    inverse(esp, fc.record({ spi: u32, seq: u32 }), () => 8);
    const header = fc.record({ nextHeader: u8, reserved: u16, spi: u32, seq: u32, icv: words(64) });
    inverse(ah, header, (h) => 12 + h.icv.length);
  });
  it('refuse a length below the header', () => {
    expect(ah.check(viewOf('11000000 00001000 00000003'), 0, 12)).toBe(TOO_SMALL);
  });
});

describe('vxlan', () => {
  it('is valid by one bit', () => {
    const v = viewOf('08000000 00002a00');
    expect(vxlan.parse(v, 0, 8)).toEqual({ flags: vxlan.VNI_VALID, vni: 42, reserved: 0 });
    expect(vxlan.check(viewOf('f7000000 00002a00'), 0, 8)).toBe(reason('VXLAN_INVALID_HDR'));
    const w = viewOf(new Uint8Array(8).fill(0xff));
    vxlan.set(w, 0, 0xfffffe);
    expect(vxlan.parse(w, 0, 8)).toEqual({ flags: vxlan.VNI_VALID, vni: 0xfffffe, reserved: 0 });
  });
  const flags = u32.map((n) => (n | vxlan.VNI_VALID) >>> 0);
  it('writes what it reads', () => inverse(vxlan, fc.record({ flags, vni: upTo(0xffffff), reserved: u8 }), () => 8));
});
