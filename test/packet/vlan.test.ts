import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as vlan from '../../src/packet/vlan.ts';
import { inverse, u16, upTo, viewOf } from './bytes.ts';

describe('vlan', () => {
  it('reads a tag', () => {
    const v = viewOf('b064 0800');
    expect(vlan.parse(v, 0, 4)).toEqual({ priority: 5, dropEligible: true, id: 100, type: 0x0800 });
    vlan.setId(v, 0, 4095);
    expect([vlan.tci(v, 0), vlan.priority(v, 0)]).toEqual([0xbfff, 5]);
  });
  it('passes stacked tags', () => {
    const frame = viewOf('ffffffffffff 020000000001 88a8 0007 8100 0064 0806 0001');
    expect(vlan.payload(frame, 0, frame.byteLength)).toBe(22);
    expect(vlan.payload(frame, 0, 21)).toBe(-1);
    expect(vlan.payload(frame, 0, 13)).toBe(-1);
    expect(vlan.payload(viewOf('ffffffffffff 020000000001 0800'), 0, 14)).toBe(14);
  });
  it('writes what it reads', () =>
    inverse(vlan, fc.record({ priority: upTo(7), dropEligible: fc.boolean(), id: upTo(4095), type: u16 }), () => 4));
});
