import { describe, expect, test } from 'vitest';
import { IpVlan, type IpVlanFlag, type IpVlanMode } from '../../src/net/ipvlan.ts';
import { parseMac } from '../../src/packet/address.ts';
import { ip, ipv4Frame } from './host.ts';
import { Lan, NODE_MAC } from './upper-lan.ts';

const make = (mode: IpVlanMode, flag: IpVlanFlag) => (ns: IpVlan['ns'], lower: IpVlan['lower']) =>
  new IpVlan(ns, { name: 'eth0', mtu: 1500, mode, flag }, lower);

const lan = (mode: IpVlanMode, flag: IpVlanFlag = 'bridge') => {
  const net = new Lan();
  net.host.neighbour(net.eth0, '10.0.0.2', '02:00:00:00:01:02');
  const devices = [1, 2].map((n) => net.pod(n, make(mode, flag)));
  return { net, one: devices[0]!, two: devices[1]! };
};
const packet = (dst: string, mac = NODE_MAC): Uint8Array => ipv4Frame({ protocol: 2, mac, src: '10.0.0.2', dst });
/** As a pod sends: from the address that all of them have. */
const sent = (dst: string, mac = NODE_MAC): Uint8Array => {
  const frame = ipv4Frame({ protocol: 2, mac, src: '10.0.0.11', dst });
  frame.set(parseMac(NODE_MAC)!, 6);
  return frame;
};

describe('l2', () => {
  test('the address decides who takes a packet', () => {
    const { net } = lan('l2');
    expect(net.heard(packet('10.0.0.12'))).toBe('p2:pre p2:in');
    expect(net.heard(packet('10.0.0.1'))).toBe('node:pre node:in');
    const broken = packet('10.0.0.12');
    broken[14] = 0x44;
    expect(net.heard(broken)).toBe('');
  });

  test('siblings reach each other but for vepa and private', () => {
    const bridge = lan('l2');
    expect(bridge.net.sends(bridge.one, sent('10.0.0.12'))).toBe('p2:pre p2:in');
    expect(bridge.net.sends(bridge.one, sent('10.0.0.1'))).toBe('node:pre node:in');
    const vepa = lan('l2', 'vepa');
    expect(vepa.net.sends(vepa.one, sent('10.0.0.12'))).toBe('out');
    const closed = lan('l2', 'private');
    expect(closed.net.sends(closed.one, sent('10.0.0.12'))).toBe('');
    expect(closed.net.host.pool.live).toBe(0);
  });

  test('what one sends to all reaches the others, then the outside, never the node', () => {
    const { net, one } = lan('l2');
    expect(net.sends(one, sent('10.0.0.255', 'ff:ff:ff:ff:ff:ff'))).toBe('p2:pre p2:in out');
    expect(net.heard(packet('10.0.0.255', 'ff:ff:ff:ff:ff:ff'))).toBe('node:pre node:in p1:pre p1:in p2:pre p2:in');
  });

  test('an address goes when it is removed', () => {
    const { net, two } = lan('l2');
    two.ns.addresses.remove(two.ns.addresses.of(two)[0]!);
    expect(net.heard(packet('10.0.0.12'))).toBe('node:pre');
    two.up = false;
    two.ns.addresses.add(two, ip('10.0.0.12'), 24);
    expect(net.heard(packet('10.0.0.12'))).toBe('node:pre');
  });
});

test('l3: the node routes what pods send, its hooks see only that', () => {
  const { net, one } = lan('l3');
  expect(one.noArp).toBe(true);
  expect(net.heard(packet('10.0.0.12'))).toBe('p2:pre p2:in');
  expect(net.sends(one, sent('10.0.0.12'))).toBe('p2:pre p2:in');
  expect(net.sends(one, sent('10.0.0.2'))).toBe('out');
  expect(net.sends(one, sent('10.0.0.255', 'ff:ff:ff:ff:ff:ff'))).toBe('');
  expect(net.host.pool.live).toBe(0);
});

test('l3s: what comes in passes the hooks of the node, and not those of the pod', () => {
  const { net } = lan('l3s');
  expect(net.heard(packet('10.0.0.12'))).toBe('node:pre node:in');
  expect(net.heard(packet('10.0.0.1'))).toBe('node:pre node:in');
});

test('what the kernel refuses', () => {
  const { net, two } = lan('l2');
  expect(() => two.ns.addresses.add(two, ip('10.0.0.11'), 32)).toThrow('has the address already');
  expect(() => {
    net.pod(3, (ns, lower) => new IpVlan(ns, { name: 'eth0', mtu: 1501 }, lower));
  }).toThrow('MTU 1501 is more than the 1500 of eth0');
});
