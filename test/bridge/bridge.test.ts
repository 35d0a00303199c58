import { describe, expect, it } from 'vitest';
import { Bridge } from '../../src/bridge/bridge.ts';
import { FDB_ADDED_BY_USER, FDB_LOCAL, FDB_STATIC, FDB_STICKY } from '../../src/bridge/fdb.ts';
import { formatMac } from '../../src/packet/address.ts';
import { SECOND } from '../../src/sim/clock.ts';
import { Trace } from '../../src/sim/trace.ts';
import { arpFrame, Bench, BROADCAST, frame, hex, ip, mac, macBytes, packet, switchOf } from './bench-switch.ts';

const GROUP = '01:00:5e:01:02:03';
const REQUEST = 1;
const tagged = (to: number | string, from: number, length: number): Uint8Array => {
  const payload = new Uint8Array(length + 4);
  payload.set([0, 5, 0x88, 0xb5]);
  return frame(to, from, 0x8100, payload);
};

describe('bridge', () => {
  it('floods what it does not know, youngest port first, and the host last', () => {
    const sw = switchOf('abcd');
    expect(sw.way('b', frame(9, 1))).toBe('d c a');
    expect(sw.way('a', frame(BROADCAST, 2))).toBe('d c b');
    expect(sw.way('a', frame(GROUP, 2))).toBe('d c b');
    sw.ns.addresses.add(sw.bridge, ip('10.0.0.254'), 24);
    const asked = sw.inject('a', arpFrame(REQUEST, 2, '10.0.0.2', '10.0.0.254'));
    expect(asked.map(([port]) => port)).toEqual(['d', 'c', 'b', 'a']);
    expect(hex(asked[3]![1]).slice(0, 28)).toBe('020000000a02020000000ab00806');
  });

  it('learns where stations are before it forwards, and that they move', () => {
    const sw = switchOf('abc');
    sw.inject('a', frame(9, 1));
    expect(sw.way('b', frame(1, 2))).toBe('a');
    expect(sw.way('a', frame(2, 1))).toBe('b');
    expect(sw.way('c', frame(2, 1))).toBe('b');
    expect(sw.way('b', frame(1, 2))).toBe('c');
    expect(sw.way('c', frame(1, 3))).toBe('');
    expect(sw.way('a', frame(4, 4))).toBe('');
  });

  it('forgets stations that say nothing', () => {
    const sw = switchOf('abc', {}, { ageing: 2 * SECOND });
    sw.inject('a', frame(9, 1));
    sw.wait(1.9 * SECOND);
    expect(sw.way('b', frame(1, 2))).toBe('a');
    sw.wait(0.1 * SECOND);
    expect(sw.way('b', frame(1, 2))).toBe('c a');
  });

  it('refuses frames without a valid source, and forwards, but does not learn, its own addresses', () => {
    const sw = switchOf('abc');
    expect(sw.way('a', frame(9, GROUP))).toBe('');
    expect(sw.way('a', frame(9, '00:00:00:00:00:00'))).toBe('');
    expect(sw.drops()).toEqual({ MAC_INVALID_SOURCE: 2 });
    expect(sw.way('a', frame(9, 0x81))).toBe('c b');
    expect(sw.way('a', frame(9, 0xb0))).toBe('c b');
    expect(sw.bridge.fdbLines().filter((line) => !line.endsWith('permanent'))).toEqual([]);
  });

  it('takes frames to its own addresses up, and forwards them nowhere', () => {
    const sw = switchOf('abc');
    sw.ns.addresses.add(sw.bridge, ip('10.0.0.254'), 24);
    sw.ns.neigh.add(sw.bridge, ip('10.0.0.1'), macBytes(mac(1)), 'permanent');
    sw.inject('a', frame(9, 1));
    // A closed port of the host answers.
    const toHost = packet({ src: '10.0.0.1', dst: '10.0.0.254' });
    expect(sw.way('a', frame(0xb0, 1, 0x0800, toHost))).toBe('a');
    expect(sw.way('a', frame(0x80, 1, 0x0800, toHost))).toBe('a');
    // The address of another port is the bridge's too, but IP takes the packet for another host's.
    expect(sw.way('a', frame(0x81, 1, 0x0800, toHost))).toBe('');
    expect(sw.drops()).toMatchObject({ OTHERHOST: 1 });
  });

  it.each([
    [
      'hairpin',
      { a: { hairpin: true } },
      [
        ['a', 9, 'c b a'],
        ['b', 9, 'c a'],
      ],
    ],
    [
      'isolated',
      { a: { isolated: true }, b: { isolated: true } },
      [
        ['a', 9, 'c'],
        ['b', 9, 'c'],
        ['c', 9, 'b a'],
      ],
    ],
    ['isolated and hairpin', { a: { isolated: true, hairpin: true } }, [['a', 9, 'c b']]],
    [
      'flood',
      { a: { flood: false } },
      [
        ['b', 9, 'c'],
        ['b', BROADCAST, 'c a'],
        ['b', GROUP, 'c a'],
      ],
    ],
    [
      'mcast_flood',
      { a: { mcast_flood: false } },
      [
        ['b', 9, 'c a'],
        ['b', BROADCAST, 'c a'],
        ['b', GROUP, 'c'],
      ],
    ],
    [
      'bcast_flood',
      { a: { bcast_flood: false } },
      [
        ['b', 9, 'c a'],
        ['b', BROADCAST, 'c'],
        ['b', GROUP, 'c a'],
      ],
    ],
  ] as const)('heeds %s', (_name, options, ways) => {
    const sw = switchOf('abc', options);
    expect(ways.map(([port, to]) => sw.way(port, frame(to, 5)))).toEqual(ways.map(([, , way]) => way));
  });

  it('floods its own broadcasts whatever a port wants, and its unknown unicasts not', () => {
    const sw = switchOf('ab', { a: { flood: false, mcast_flood: false, bcast_flood: false } });
    const transmit = (to: number | string): string[] => {
      sw.sent = [];
      sw.ns.transmit(sw.world.pool.from(frame(to, 0xb0))!, sw.bridge);
      return sw.sent.map(([port]) => port);
    };
    expect([transmit(BROADCAST), transmit(GROUP), transmit(9)]).toEqual([['b', 'a'], ['b', 'a'], ['b']]);
  });

  it('heeds learning off, and a locked port', () => {
    const sw = switchOf('abc', { a: { learning: false }, b: { locked: true } });
    sw.inject('a', frame(9, 1));
    expect(sw.way('c', frame(1, 3))).toBe('b a');
    expect(sw.way('b', frame(3, 2))).toBe('');
    sw.bridge.fdb.set(sw.ports.get('b')!.index, 0x0200, 0x00000a02, 0, FDB_ADDED_BY_USER);
    expect(sw.way('b', frame(3, 2))).toBe('c');
  });

  it('moves a static entry, not a sticky one, and takes up what is local', () => {
    const sw = switchOf('abc');
    const set = (port: string, station: number, flags: number): number =>
      sw.bridge.fdb.set(sw.ports.get(port)!.index, 0x0200, 0x00000a00 | station, 0, flags | FDB_ADDED_BY_USER);
    set('a', 1, FDB_STATIC);
    set('a', 2, FDB_STICKY);
    set('a', 3, FDB_LOCAL | FDB_STATIC);
    for (const station of [1, 2, 3]) sw.inject('b', frame(9, station));
    expect([1, 2, 3].map((station) => sw.way('c', frame(station, 7)))).toEqual(['b', 'a', '']);
    expect(sw.bridge.fdbLines().slice(-4)).toEqual([
      '02:00:00:00:0a:01 dev b master br0 static',
      '02:00:00:00:0a:02 dev a sticky master br0',
      '02:00:00:00:0a:03 dev a master br0 permanent',
      '02:00:00:00:0a:07 dev c master br0',
    ]);
  });

  it('keeps the reserved groups to itself, but for the first', () => {
    const sw = switchOf('abc', { b: { group_fwd_mask: 0x4000 } }, { groupForwardMask: 0x0008 });
    const groups = Array.from({ length: 17 }, (_, i) => `01:80:c2:00:00:${i.toString(16).padStart(2, '0')}`);
    const flooded = (port: string): number[] =>
      groups.flatMap((group, i) => (sw.way(port, frame(group, 1)) === '' ? [] : [i]));
    expect([flooded('a'), flooded('b')]).toEqual([
      [0, 3, 16],
      [0, 3, 14, 16],
    ]);
    expect(sw.drops()).toMatchObject({ MAC_IEEE_MAC_CONTROL: 2 });
    // Their senders are learned all the same.
    expect(sw.way('c', frame(1, 3))).toBe('b');
  });

  it('hands a reserved group to the protocols of the port', () => {
    const sw = switchOf('ab');
    const port = sw.ports.get('a')!;
    sw.ns.addresses.add(port, ip('10.5.0.1'), 24);
    sw.inject('a', frame('01:80:c2:00:00:02', 1, 0x0800, packet({ src: '10.5.0.2', dst: '10.5.0.1' })));
    // Link-layer groups are not answered; the packet was received on the port all the same.
    expect(sw.drops()).toEqual({ NO_SOCKET: 1 });
  });

  it('does not send a port more than it can take, tags apart', () => {
    const sw = new Bench();
    const bridge = new Bridge(sw.ns, { name: 'br0', mac: macBytes(mac(0xb0)) });
    for (const [name, mtu] of [
      ['a', 9000],
      ['b', 1000],
    ] as const)
      bridge.addPort(sw.port(name, mtu));
    sw.ns.sysctl.set('net.bridge.bridge-nf-call-iptables', 0);
    expect(bridge.mtu).toBe(1000);
    const passes = (bytes: Uint8Array): boolean => sw.way('a', bytes) === 'b';
    expect([1004, 1005].map((n) => passes(frame(9, 1, 0x88b5, new Uint8Array(n))))).toEqual([true, false]);
    expect([1004, 1005].map((n) => passes(tagged(9, 1, n)))).toEqual([true, false]);
  });

  it('has the lowest address of its ports, unless it was given one', () => {
    const sw = new Bench();
    const bridge = new Bridge(sw.ns, { name: 'br0' });
    const [a, b] = [sw.port('a'), sw.port('b')];
    a.setMac(macBytes('02:00:00:00:00:09'));
    bridge.addPort(a);
    expect(formatMac(bridge.mac)).toBe('02:00:00:00:00:09');
    b.setMac(macBytes('02:00:00:00:00:05'));
    bridge.addPort(b);
    expect(formatMac(bridge.mac)).toBe('02:00:00:00:00:05');
    bridge.removePort(b);
    expect(formatMac(bridge.mac)).toBe('02:00:00:00:00:09');
    expect(bridge.fdbLines()).toEqual(['02:00:00:00:00:09 dev a master br0 permanent']);
    bridge.removePort(a);
    expect([formatMac(bridge.mac), bridge.mtu, a.master]).toEqual(['00:00:00:00:00:00', 1500, null]);
    expect(() => bridge.removePort(a)).toThrow('not a port');
  });

  it('refuses what cannot be a port', () => {
    const sw = switchOf('a');
    expect(() => sw.bridge.addPort(sw.ports.get('a')!)).toThrow('a is a port of br0 already');
    expect(() => sw.bridge.addPort(sw.bridge)).toThrow('cannot be a port');
    expect(() => sw.bridge.addPort(sw.ns.loopback)).toThrow('cannot be a port');
  });

  it('forwards nothing while it, or the port, is down', () => {
    const sw = switchOf('abc');
    sw.ports.get('c')!.up = false;
    expect(sw.way('a', frame(9, 1))).toBe('b');
    sw.bridge.up = false;
    expect(sw.way('a', frame(9, 1))).toBe('');
    expect(sw.drops()).toMatchObject({ BRIDGE_INGRESS_STP_STATE: 1 });
    sw.ns.transmit(sw.world.pool.from(frame(9, 0xb0))!, sw.bridge);
    expect(sw.world.pool.live).toBe(0);
  });

  it('gives the curious host a copy of everything', () => {
    const sw = switchOf('abc', {}, { promiscuous: true });
    sw.inject('a', frame(9, 1));
    expect(sw.way('b', frame(1, 2, 0x0800, packet({ src: '10.0.0.2', dst: '10.0.0.1' })))).toBe('a');
    expect(sw.drops()).toMatchObject({ OTHERHOST: 1 });
  });

  it('tells the trace where frames go', () => {
    const sw = switchOf('ab');
    const trace = new Trace(sw.world.clock);
    sw.ns.trace = trace;
    sw.inject('a', frame(BROADCAST, 1));
    sw.inject('b', frame(1, 2));
    const told = trace.drain().filter(({ kind }) => kind === 'bridge');
    expect(told.map(({ fields }) => fields)).toEqual([
      { bridge: 'br0', action: 'flood' },
      { bridge: 'br0', action: 'up' },
      { bridge: 'br0', action: 'forward', port: 'a' },
    ]);
  });

  it('keeps no packet', () => {
    const sw = switchOf('abcd');
    for (const to of [9, 1, BROADCAST, GROUP, 0xb0]) sw.inject('a', frame(to, 1));
    expect(sw.world.pool.live).toBe(0);
  });
});

describe('bridge that answers ARP', () => {
  function suppressing() {
    const sw = switchOf('abc', { c: { neigh_suppress: true } });
    sw.ns.addresses.add(sw.bridge, ip('10.0.0.254'), 24);
    for (const n of [2, 3, 5]) sw.ns.neigh.add(sw.bridge, ip(`10.0.0.${n}`), macBytes(mac(n)), 'permanent');
    for (const [port, n] of [
      ['b', 2],
      ['c', 3],
    ] as const)
      sw.bridge.fdb.set(sw.ports.get(port)!.index, 0x0200, 0x00000a00 | n, 0, FDB_STATIC);
    return sw;
  }

  it.each([
    ['a station behind a suppressing port', '10.0.0.1', '10.0.0.3', 'a b'],
    ['a station behind another port', '10.0.0.1', '10.0.0.2', 'b'],
    ['a neighbour on no port', '10.0.0.1', '10.0.0.5', 'c b'],
    ['nobody it knows', '10.0.0.1', '10.0.0.6', 'c b'],
    ['itself', '10.0.0.1', '10.0.0.254', 'b a'],
    ['the sender (an announcement)', '10.0.0.1', '10.0.0.1', 'b'],
    ['a station, as a probe', '0.0.0.0', '10.0.0.3', 'b'],
    ['a group', '10.0.0.1', '224.0.0.1', 'c b'],
  ])('asked for %s', (_what, sender, target, way) => {
    expect(suppressing().way('a', arpFrame(REQUEST, 1, sender, target))).toBe(way);
  });

  it('answers with the address of the station', () => {
    const sw = suppressing();
    const [, answer] = sw.inject('a', arpFrame(REQUEST, 1, '10.0.0.1', '10.0.0.3'))[0]!;
    expect(hex(answer)).toBe('020000000a01020000000a0308060001080006040002020000000a030a000003020000000a010a000001');
  });

  it('does not answer a poll of one station, nor questions from the suppressing port', () => {
    const sw = suppressing();
    expect(sw.way('a', arpFrame(REQUEST, 1, '10.0.0.1', '10.0.0.3', mac(3)))).toBe('c');
    expect(sw.way('c', arpFrame(REQUEST, 3, '10.0.0.3', '10.0.0.2'))).toBe('b a');
  });

  it('answers for all it knows on a port with proxy_arp', () => {
    const sw = switchOf('ab', { a: { proxy_arp: true } });
    sw.ns.neigh.add(sw.bridge, ip('10.0.0.2'), macBytes(mac(2)), 'permanent');
    sw.inject('b', frame(9, 2));
    expect(sw.way('a', arpFrame(REQUEST, 1, '10.0.0.1', '10.0.0.2'))).toBe('a b');
    expect(sw.way('b', frame(BROADCAST, 2))).toBe('');
  });
});
