import { describe, expect, test } from 'vitest';
import { Macvlan, type MacvlanMode } from '../../src/net/macvlan.ts';
import { parseMac } from '../../src/packet/address.ts';
import { ipv4Frame } from './host.ts';
import { Lan, NODE_MAC } from './upper-lan.ts';

const mac = (n: number): string => `02:00:00:00:aa:0${n}`;
const make = (n: number, mode: MacvlanMode) => (ns: Macvlan['ns'], lower: Macvlan['lower']) =>
  new Macvlan(ns, { name: 'eth0', mac: parseMac(mac(n))!, mtu: 1500, mode }, lower);

const lan = (...modes: MacvlanMode[]) => {
  const net = new Lan();
  return { net, devices: modes.map((mode, i) => net.pod(i + 1, make(i + 1, mode))) };
};
const to = (destination: string, n: number, source?: string): Uint8Array => {
  const frame = ipv4Frame({ protocol: 2, mac: destination, src: '10.0.0.200', dst: `10.0.0.${10 + n}` });
  if (source !== undefined) frame.set(parseMac(source)!, 6);
  return frame;
};
const BROADCAST = 'ff:ff:ff:ff:ff:ff';

describe('frames from outside', () => {
  test('go to the device that has their address, or to the node', () => {
    const { net } = lan('bridge', 'private', 'vepa');
    expect(net.heard(to(mac(2), 2))).toBe('p2:pre p2:in');
    expect(net.heard(to(NODE_MAC, -9))).toBe('node:pre node:in');
    expect(net.heard(to('02:99:00:00:00:01', 1))).toBe('');
    expect(net.host.pool.live).toBe(0);
  });

  test('to all reach the node first, then each device', () => {
    const { net } = lan('bridge', 'bridge');
    const heard = net.heard(to(BROADCAST, 1)).split(' ');
    expect(heard[0]).toBe('node:pre');
    expect(heard.filter((word) => word.endsWith('pre')).sort()).toEqual(['node:pre', 'p1:pre', 'p2:pre']);
  });

  test('to all that a device sent itself reach those that have not heard it', () => {
    const { net } = lan('bridge', 'bridge', 'vepa', 'private');
    const pre = (frame: Uint8Array): string[] =>
      net
        .heard(frame)
        .split(' ')
        .filter((word) => word.endsWith('pre'));
    expect(pre(to(BROADCAST, 1, mac(1)))).toEqual(['node:pre', 'p3:pre']);
    expect(pre(to(BROADCAST, 1, mac(3))).sort()).toEqual(['node:pre', 'p1:pre', 'p2:pre']);
    expect(pre(to(BROADCAST, 1, mac(4)))).toEqual(['p4:pre']);
  });

  test('passthru takes every unicast frame', () => {
    const { net, devices } = lan('passthru');
    expect(devices[0]!.mac).toEqual(parseMac(NODE_MAC));
    expect(net.heard(to('02:99:00:00:00:01', 1))).toBe('p1:pre p1:in');
  });

  test('source mode takes what its stations send, and lets the node have it too', () => {
    const net = new Lan();
    const sources = [parseMac('02:00:00:00:01:02')!];
    net.pod(1, (ns, lower) => {
      return new Macvlan(ns, { name: 'eth0', mac: parseMac(mac(1))!, mtu: 1500, mode: 'source', sources }, lower);
    });
    expect(net.heard(to(mac(1), 1))).toBe('p1:pre p1:in');
    expect(net.heard(to(mac(1), 1, '02:00:00:00:01:03'))).toBe('');
    expect(net.heard(to(NODE_MAC, -9))).toBe('node:pre node:in p1:pre');
  });
});

describe('frames of a device', () => {
  test('go straight to a sibling in bridge mode only', () => {
    const { net, devices } = lan('bridge', 'bridge', 'private', 'vepa');
    expect(net.sends(devices[0]!, to(mac(2), 2, mac(1)))).toBe('p2:pre p2:in');
    expect(net.sends(devices[0]!, to(mac(3), 3, mac(1)))).toBe('out');
    expect(net.sends(devices[2]!, to(mac(1), 1, mac(3)))).toBe('out');
    expect(net.sends(devices[3]!, to(mac(1), 1, mac(4)))).toBe('out');
  });

  test('never reach the node', () => {
    const { net, devices } = lan('bridge');
    expect(net.sends(devices[0]!, to(NODE_MAC, -9, mac(1)))).toBe('out');
  });

  test('to all reach the siblings in bridge mode and the outside', () => {
    const { net, devices } = lan('bridge', 'bridge', 'vepa');
    const words = net.sends(devices[0]!, to(BROADCAST, 2, mac(1))).split(' ');
    expect(words.sort()).toEqual(['out', 'p2:in', 'p2:pre']);
  });
});

test('what the kernel refuses', () => {
  const { net } = lan('bridge');
  expect(() => net.pod(2, make(1, 'bridge'))).toThrow('address already in use on eth0');
  expect(() => net.pod(2, make(2, 'passthru'))).toThrow('eth0 has other macvlan devices');
  const full = lan('passthru');
  expect(() => full.net.pod(2, make(2, 'bridge'))).toThrow('eth0 has a passthru device already');
  const taken = new Lan();
  taken.eth0.handler = { handle: () => false };
  expect(() => taken.pod(1, make(1, 'bridge'))).toThrow('Device or resource busy');
});
