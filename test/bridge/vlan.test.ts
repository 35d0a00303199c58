import { describe, expect, it } from 'vitest';
import { VlanGroup } from '../../src/bridge/vlan.ts';
import { PacketPool } from '../../src/packet/arena.ts';
import { BROADCAST, frame, hex, mac, switchOf } from './bench-switch.ts';

const TAG_AT = 12;
const filtering = (defaultPvid = 1) => switchOf('abc', {}, { vlans: { filtering: true, defaultPvid } });
type Switch = ReturnType<typeof filtering>;

const port = (sw: Switch, name: string) => sw.bridge.portOf(sw.ports.get(name)!.index)!;
const tagged = (vid: number, to: number | string = BROADCAST, type = 0x8100): Uint8Array => {
  const payload = new Uint8Array(50);
  new DataView(payload.buffer).setUint32(0, ((vid << 16) | 0x88b5) >>> 0);
  return frame(to, 1, type, payload);
};
/** `PORT:tag` of what leaves; no tag is `-`. */
const leaves = (sw: Switch, from: string, bytes: Uint8Array): string =>
  sw
    .inject(from, bytes)
    .map(([name, out]) => `${name}:${out[TAG_AT] === 0x81 ? hex(out.slice(TAG_AT + 2, TAG_AT + 4)) : '-'}`)
    .join(' ');

describe('VLAN filtering', () => {
  it('puts all ports into VLAN 1 at first', () => {
    const sw = filtering();
    expect(leaves(sw, 'a', frame(BROADCAST, 1))).toBe('c:- b:-');
    expect(leaves(sw, 'a', tagged(1))).toBe('c:- b:-');
    expect(leaves(sw, 'a', tagged(2))).toBe('');
    expect(sw.drops()).toMatchObject({ NOT_SPECIFIED: 1 });
  });

  it('tags and untags as each port wants it, and keeps priorities', () => {
    const sw = filtering();
    sw.bridge.addVlan(port(sw, 'a'), 10, { pvid: true, untagged: true });
    sw.bridge.addVlan(port(sw, 'b'), 10);
    expect(leaves(sw, 'a', frame(BROADCAST, 1))).toBe('b:000a');
    expect(leaves(sw, 'a', tagged(0xa000))).toBe('b:a00a');
    expect(leaves(sw, 'b', tagged(0x600a))).toBe('a:-');
    expect(leaves(sw, 'b', frame(BROADCAST, 1))).toBe('c:- a:-');
    expect(leaves(sw, 'a', tagged(0xe001))).toBe('c:- b:-');
  });

  it('refuses frames without a tag where there is no PVID', () => {
    const sw = filtering(0);
    sw.bridge.addVlan(port(sw, 'a'), 7);
    sw.bridge.addVlan(port(sw, 'b'), 7);
    expect(leaves(sw, 'a', frame(BROADCAST, 1))).toBe('');
    expect(leaves(sw, 'a', tagged(7))).toBe('b:0007');
  });

  it('learns a station once for each VLAN', () => {
    const sw = filtering();
    for (const name of 'abc') sw.bridge.addVlan(port(sw, name), 10);
    sw.inject('a', frame(9, 2));
    expect(leaves(sw, 'b', frame(2, 1))).toBe('a:-');
    expect(leaves(sw, 'b', tagged(10, 2))).toBe('c:000a a:000a');
    expect(sw.bridge.fdbLines()).toContain(`${mac(2)} dev a vlan 1 master br0`);
  });

  it('takes a tag of the other kind for payload', () => {
    const sw = switchOf('ab', {}, { vlans: { filtering: true, protocol: 0x88a8 } });
    sw.bridge.addVlan(port(sw, 'b'), 1);
    const [[, out]] = sw.inject('a', tagged(10)) as [[string, Uint8Array]];
    expect(hex(out.slice(12, 20))).toBe('88a800018100000a');
  });

  it('heeds nothing while it is off', () => {
    const sw = switchOf('ab', {}, { vlans: {} });
    expect(leaves(sw, 'a', tagged(55))).toBe('b:0037');
    expect(sw.bridge.vlanLines()).toHaveLength(3);
  });

  it('lists members as bridge vlan show does', () => {
    const sw = filtering();
    sw.bridge.addVlan(port(sw, 'a'), 10, { pvid: true });
    sw.bridge.removeVlan(port(sw, 'b'), 1);
    sw.bridge.addVlan(null, 20, { untagged: true });
    expect(sw.bridge.vlanLines()).toEqual([
      'br0               1 PVID Egress Untagged',
      '                  20 Egress Untagged',
      'a                 1 Egress Untagged',
      '                  10 PVID',
      'c                 1 PVID Egress Untagged',
    ]);
    expect(sw.bridge.fdbLines()).not.toContain(`${mac(0x81)} dev b vlan 1 master br0 permanent`);
  });

  it('refuses what is no VLAN, and VLANs of a bridge that knows none', () => {
    const sw = filtering();
    expect(() => sw.bridge.addVlan(null, 4095)).toThrow('VLAN 4095: expected 1 to 4094');
    expect(() => sw.bridge.removeVlan(null, 9)).toThrow('VLAN 9: not a member');
    expect(() => switchOf('a').bridge.addVlan(null, 9)).toThrow('br0 knows no VLANs');
  });

  it('drops nothing twice when there is no room for a tag', () => {
    const group = new VlanGroup();
    group.add(5);
    const pkt = new PacketPool().from(frame(1, 2))!;
    pkt.push(pkt.data - pkt.head);
    expect(group.egress(pkt, 5, 0x8100)).toBe(false);
  });
});
