import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketError } from '../../src/packet/error.ts';
import * as ethernet from '../../src/packet/ethernet.ts';
import { inverse, mac, u16, viewOf } from './bytes.ts';

describe('ethernet', () => {
  const v = viewOf('ffffffffffff 0a580af40002 0806');
  it('reads a header as captured', () => {
    expect(ethernet.parse(v, 0, 14)).toEqual({ dst: 'ff:ff:ff:ff:ff:ff', src: '0a:58:0a:f4:00:02', type: 0x0806 });
    expect([ethernet.srcHigh(v, 0), ethernet.srcLow(v, 0)]).toEqual([0x0a58, 0x0af40002]);
    expect([ethernet.isBroadcast(v, 0), ethernet.isMulticast(v, 0)]).toEqual([true, true]);
  });
  it('sets addresses by halves', () => {
    const w = viewOf(new Uint8Array(14));
    ethernet.setDst(w, 0, 0x3333, 0x00000001);
    ethernet.setSrc(w, 0, 0x0200, -1);
    ethernet.setType(w, 0, ethernet.ETH_P_IPV6);
    expect(ethernet.parse(w, 0, 14)).toEqual({ dst: '33:33:00:00:00:01', src: '02:00:ff:ff:ff:ff', type: 0x86dd });
    expect([ethernet.isBroadcast(w, 0), ethernet.isMulticast(w, 0)]).toEqual([false, true]);
  });
  it('writes what it reads', () => inverse(ethernet, fc.record({ dst: mac, src: mac, type: u16 }), () => 14));
  it('refuses what is cut short, or no address', () => {
    expect(() => ethernet.parse(v, 0, 13)).toThrow(PacketError);
    expect(() => ethernet.emit({ dst: 'x', src: 'y', type: 0 }, viewOf(new Uint8Array(14)), 0)).toThrow('not a MAC');
  });
});
