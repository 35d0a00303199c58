import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as arp from '../../src/packet/arp.ts';
import { PacketError } from '../../src/packet/error.ts';
import { reason } from '../../src/packet/reason.ts';
import { inverse, ip4, mac, u16, viewOf } from './bytes.ts';

const REQUEST = '0001 0800 06 04 0001 020000000a01 0a000102 000000000000 0a0001fe';

describe('arp', () => {
  it('reads a request as captured', () => {
    const v = viewOf(REQUEST);
    expect(arp.check(v, 0, 28)).toBe(0);
    expect(arp.parse(v, 0, 28)).toEqual({
      hardwareType: 1,
      protocolType: 0x0800,
      operation: arp.REQUEST,
      senderMac: '02:00:00:00:0a:01',
      senderIp: '10.0.1.2',
      targetMac: '00:00:00:00:00:00',
      targetIp: '10.0.1.254',
    });
  });
  it('is written field by field', () => {
    const v = viewOf(new Uint8Array(28));
    arp.setPreamble(v, 0);
    arp.setOperation(v, 0, arp.REQUEST);
    arp.setSenderMac(v, 0, 0x0200, 0x00000a01);
    arp.setSenderIp(v, 0, 0x0a000102);
    arp.setTargetMac(v, 0, 0, 0);
    arp.setTargetIp(v, 0, 0x0a0001fe);
    expect(new Uint8Array(v.buffer)).toEqual(new Uint8Array(viewOf(REQUEST).buffer, viewOf(REQUEST).byteOffset, 28));
  });
  it('drops other address lengths, and what is cut short', () => {
    expect(arp.check(viewOf(REQUEST.replace('06 04', '08 04')), 0, 28)).toBe(reason('NOT_SPECIFIED'));
    expect(arp.check(viewOf(REQUEST), 0, 27)).toBe(reason('PKT_TOO_SMALL'));
    expect(() => arp.parse(viewOf(REQUEST.replace('06 04', '06 10')), 0, 28)).toThrow(PacketError);
  });
  const header = fc.record({
    hardwareType: u16,
    protocolType: u16,
    operation: u16,
    senderMac: mac,
    senderIp: ip4,
    targetMac: mac,
    targetIp: ip4,
  });
  it('writes what it reads', () => inverse(arp, header, () => 28));
});
