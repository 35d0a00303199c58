import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Netns } from '../../src/net/netns.ts';
import { Vlan } from '../../src/net/vlan.ts';
import { PacketPool } from '../../src/packet/arena.ts';
import * as tag from '../../src/packet/vlan.ts';
import { hex, ip, ipv4Frame, router } from './host.ts';

const MAC = new Uint8Array([2, 0, 0, 0, 1, 1]);
const config = { name: 'v', mac: MAC, mtu: 1500 };

/** A router with VLAN 100 on eth0 (10.9.0.1/24, neighbour .2). */
function trunk(options: { readonly protocol?: number } = {}) {
  const host = router();
  const vlan = new Vlan(host.ns, { ...config, name: 'eth0.100', id: 100, ...options }, host.ports.get('eth0')!);
  host.ns.addresses.add(vlan, ip('10.9.0.1'), 24);
  host.neighbour(vlan, '10.9.0.2', '02:00:00:00:09:02');
  return { host, vlan };
}

const tagged = (frame: Uint8Array, ...tags: string[]): Uint8Array =>
  Uint8Array.from([...frame.slice(0, 12), ...Buffer.from(tags.join(''), 'hex'), ...frame.slice(12)]);

describe('a VLAN device', () => {
  test('gives frames its tag on the way out', () => {
    const { host } = trunk();
    const [sent] = host.inject('eth1', ipv4Frame({ mac: '02:00:00:00:02:01', src: '10.0.2.2', dst: '10.9.0.2' }));
    expect(sent!.port).toBe('eth0');
    expect(hex(sent!.bytes.slice(0, 18))).toBe('020000000902020000000101810000640800');
  });

  test('takes frames of its VLAN without their tag, whatever their priority', () => {
    const { host } = trunk();
    const frame = ipv4Frame({ src: '10.9.0.2' });
    for (const tags of [['81000064'], ['8100e064'], ['81000000', '81000064']]) {
      const [sent] = host.inject('eth0', tagged(frame, ...tags));
      expect(sent!.port).toBe('eth1');
      expect(sent!.bytes.length).toBe(frame.length);
    }
    for (const tags of [['81000065'], ['88a80064'], ['81000064', '81000064']])
      expect(host.inject('eth0', tagged(frame, ...tags))).toEqual([]);
    expect(host.pool.live).toBe(0);
  });

  test('stacks: the service tag goes outside', () => {
    const { host, vlan } = trunk({ protocol: 0x88a8 });
    const inner = new Vlan(host.ns, { ...config, name: 'q', id: 7 }, vlan);
    host.ns.addresses.add(inner, ip('10.7.0.1'), 24);
    host.neighbour(inner, '10.7.0.2', '02:00:00:00:07:02');
    const out = host.inject('eth1', ipv4Frame({ mac: '02:00:00:00:02:01', src: '10.0.2.2', dst: '10.7.0.2' }));
    expect(hex(out[0]!.bytes.slice(12, 22))).toBe('88a80064810000070800');
    const back = host.inject('eth0', tagged(ipv4Frame({ src: '10.7.0.2' }), '88a80064', '81000007'));
    expect(back.map(({ port }) => port)).toEqual(['eth1']);
  });

  test('may live in another namespace, where marks stay and connections do not', () => {
    const { host } = trunk();
    const pod = new Netns('pod', host.world);
    const vlan = new Vlan(pod, { ...config, name: 'eth0', id: 9 }, host.ports.get('eth0')!);
    pod.addresses.add(vlan, ip('10.0.1.9'), 24);
    pod.neigh.add(vlan, ip('10.0.1.2'), Uint8Array.of(2, 0, 0, 0, 1, 2));
    const [answer] = host.inject('eth0', tagged(ipv4Frame({ dst: '10.0.1.9' }), '81000009'));
    expect(hex(answer!.bytes.slice(12, 18))).toBe('810000090800');
    expect(host.pool.live).toBe(0);
  });

  test('is refused where the kernel refuses it', () => {
    const { host } = trunk();
    const eth0 = host.ports.get('eth0')!;
    expect(() => new Vlan(host.ns, { ...config, id: 100 }, eth0)).toThrow('eth0 has a device for VLAN 100 already');
    expect(() => new Vlan(host.ns, { ...config, id: 4095 }, eth0)).toThrow('VLAN 4095: expected 0 to 4094');
    expect(() => new Vlan(host.ns, { ...config, id: 1, mtu: 1501 }, eth0)).toThrow('more than the 1500 of eth0');
    expect(() => new Vlan(host.ns, { ...config, id: 1 }, host.ns.loopback)).toThrow('lo takes no device on top');
  });
});

test('untag undoes insert', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 14, maxLength: 200 }), fc.integer({ min: 0, max: 0xffff }), (frame, tci) => {
      const pkt = new PacketPool().from(frame)!;
      expect(tag.insert(pkt, 0x8100, tci)).toBe(true);
      expect(tag.tci(pkt.view, pkt.data + 14)).toBe(tci);
      expect(pkt.length).toBe(frame.length + 4);
      tag.untag(pkt);
      expect(pkt.bytes.slice(pkt.data, pkt.end)).toEqual(frame);
    }),
  );
});
