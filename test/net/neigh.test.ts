import { describe, expect, test } from 'vitest';
import { parseMac } from '../../src/packet/address.ts';
import { reason } from '../../src/packet/reason.ts';
import { SECOND } from '../../src/sim/clock.ts';
import { type Host, hex, ip, ipv4Frame, router } from './host.ts';

const STATION = '02:00:00:00:02:09';

/** An ARP frame from 10.0.2.9 on eth1. */
function arp(
  operation: number,
  target: string,
  to = 'ff:ff:ff:ff:ff:ff',
  sender = '10.0.2.9',
  mac = STATION,
): Uint8Array {
  const frame = new Uint8Array(42);
  const v = new DataView(frame.buffer);
  frame.set(parseMac(to)!, 0);
  frame.set(parseMac(mac)!, 6);
  v.setUint16(12, 0x0806);
  v.setUint16(14, 1);
  v.setUint16(16, 0x0800);
  v.setUint16(18, 0x0604);
  v.setUint16(20, operation);
  frame.set(parseMac(mac)!, 22);
  v.setInt32(28, ip(sender));
  v.setInt32(38, ip(target));
  return frame;
}

const state = (host: Host): string => host.ns.neigh.list().join('; ');
const OURS = '02:00:00:00:02:01';
const toUnknown = (id: number): Uint8Array => ipv4Frame({ dst: '10.0.2.9', id });

describe('resolving', () => {
  test('packets wait for the answer and leave in order', () => {
    const host = router();
    const [request, ...more] = host.inject('eth0', toUnknown(1));
    expect(more).toEqual([]);
    expect(hex(request!.bytes)).toBe(
      'ffffffffffff020000000201080600010800060400010200000002010a0002010000000000000a000209',
    );
    expect(host.inject('eth0', toUnknown(2))).toEqual([]);
    const sent = host.inject('eth1', arp(2, '10.0.2.1', OURS));
    expect(sent.map(({ bytes }) => bytes[19])).toEqual([1, 2]);
    expect(state(host)).toBe('10.0.2.9 dev eth1 lladdr 02:00:00:00:02:09 REACHABLE');
    expect(host.pool.live).toBe(0);
  });

  test('three questions, a second apart, then every sender is told', () => {
    const host = router();
    host.inject('eth0', toUnknown(1));
    host.inject('eth0', toUnknown(2));
    const frames = host.wait(4 * SECOND);
    expect(frames.map(({ port, bytes }) => `${port} ${hex(bytes).slice(24, 28)}`)).toEqual([
      'eth1 0806',
      'eth1 0806',
      'eth0 0800',
      'eth0 0800',
    ]);
    // Host unreachable, quoting the TTL after this hop.
    expect([frames[2]!.bytes[34], frames[2]!.bytes[35], frames[2]!.bytes[50]]).toEqual([3, 1, 63]);
    expect(state(host)).toBe('10.0.2.9 dev eth1 FAILED');
    expect(host.pool.live).toBe(0);
  });

  test('the queue has a limit in bytes: the oldest goes', () => {
    const host = router();
    host.ns.sysctl.set('net.ipv4.neigh.eth1.unres_qlen_bytes', 2000);
    for (let id = 1; id <= 5; id++) host.inject('eth0', toUnknown(id));
    const sent = host.inject('eth1', arp(2, '10.0.2.1', OURS));
    // A short packet counts 832 bytes.
    expect(sent.map(({ bytes }) => bytes[19])).toEqual([4, 5]);
  });

  test('a request from the station itself resolves it, and is answered after the queue', () => {
    const host = router();
    host.inject('eth0', toUnknown(1));
    const frames = host.inject('eth1', arp(1, '10.0.2.1'));
    expect(frames.map(({ bytes }) => hex(bytes).slice(24, 28))).toEqual(['0800', '0806']);
  });
});

describe('ageing', () => {
  test('reachable, stale, delay, probe, failed', () => {
    const host = router();
    host.ns.sysctl.set('net.ipv4.neigh.eth1.base_reachable_time_ms', 10_000);
    host.inject('eth0', toUnknown(1));
    host.inject('eth1', arp(2, '10.0.2.1', OURS));
    host.wait(16 * SECOND);
    expect(state(host)).toMatch(/STALE$/);
    expect(host.inject('eth0', toUnknown(2))).toHaveLength(1);
    expect(state(host)).toMatch(/DELAY$/);
    // Five seconds later it is asked in person.
    const probes = host.wait(6 * SECOND);
    expect(state(host)).toMatch(/PROBE$/);
    expect(hex(probes[0]!.bytes).slice(0, 12)).toBe('020000000209');
    host.wait(4 * SECOND);
    expect(state(host)).toMatch(/FAILED$/);
  });

  test('an answer to the probe makes it reachable again', () => {
    const host = router();
    host.inject('eth1', arp(1, '10.0.2.1'));
    expect(state(host)).toMatch(/STALE$/);
    host.inject('eth0', toUnknown(1));
    host.wait(5.5 * SECOND);
    host.inject('eth1', arp(2, '10.0.2.1', OURS));
    expect(state(host)).toMatch(/REACHABLE$/);
  });

  test('asked for less than five seconds ago when its time is up: delay, not stale', () => {
    const host = router();
    // Between one and three seconds it is reachable.
    host.ns.sysctl.set('net.ipv4.neigh.eth1.base_reachable_time_ms', 2000);
    host.inject('eth0', toUnknown(1));
    host.inject('eth1', arp(2, '10.0.2.1', OURS));
    expect(state(host)).toMatch(/REACHABLE$/);
    host.wait(3.5 * SECOND);
    expect(state(host)).toMatch(/DELAY$/);
  });

  test('how long it is reachable is drawn anew every five minutes', () => {
    const host = router();
    const eth1 = host.ns.device('eth1')!;
    const drawn = new Set<number>();
    for (let minute = 0; minute < 20; minute++) {
      drawn.add(host.ns.neigh.conf.reachableTime(eth1, host.world.random));
      host.wait(60 * SECOND);
    }
    expect(drawn.size).toBe(4);
    for (const time of drawn) expect(Math.abs(time / SECOND - 30)).toBeLessThanOrEqual(15);
  });

  test('an answer and at once another one, which is not believed but makes it doubtful (weak): stale', () => {
    const host = router();
    host.inject('eth0', toUnknown(1));
    host.inject('eth1', arp(2, '10.0.2.1', OURS));
    const { neigh } = host.ns;
    const row = neigh.find(host.ns.device('eth1')!, ip('10.0.2.9'));
    neigh.update(row, 0x0200, 0x77, 4, false, false, true);
    expect(state(host)).toBe('10.0.2.9 dev eth1 lladdr 02:00:00:00:02:09 STALE');
    expect(host.inject('eth0', toUnknown(2))).toHaveLength(1);
    expect(state(host)).toMatch(/DELAY$/);
  });

  test('states that the administrator sets', () => {
    const host = router();
    const eth1 = host.ns.device('eth1')!;
    const set = (word: string): string => {
      host.ns.neigh.add(eth1, ip('10.0.2.9'), parseMac(STATION)!, word);
      return state(host);
    };
    expect(set('reachable')).toMatch(/lladdr 02:00:00:00:02:09 REACHABLE$/);
    expect(set('stale')).toMatch(/STALE$/);
    expect(set('failed')).toMatch(/^10.0.2.9 dev eth1 FAILED$/);
    expect(set('probe')).toMatch(/PROBE$/);
    expect(host.wait(SECOND / 100)).toHaveLength(1);
    expect(set('permanent')).toBe('');
    expect(() => set('sleepy')).toThrow('unknown neighbour state sleepy');
  });

  test('a question that the administrator ends: the packets that wait are answered', () => {
    const host = router();
    host.inject('eth0', toUnknown(1));
    host.ns.neigh.add(host.ns.device('eth1')!, ip('10.0.2.9'), parseMac(STATION)!, 'failed');
    const [error] = host.settle();
    expect([error!.port, error!.bytes[34], error!.bytes[35]]).toEqual(['eth0', 3, 1]);
    expect(host.pool.live).toBe(0);
  });

  test('a table full of permanent entries takes no more: packets are dropped, the administrator is told', () => {
    const host = router();
    const { neigh, sysctl } = host.ns;
    const eth1 = host.ns.device('eth1')!;
    sysctl.set('net.ipv4.neigh.default.gc_thresh3', 10);
    for (let i = 0; neigh.table.count < 10; i++) neigh.add(eth1, ip('10.0.2.100') + i, parseMac(STATION)!);
    expect(host.inject('eth0', toUnknown(1))).toEqual([]);
    expect(host.ns.drops[reason('NEIGH_CREATEFAIL')]).toBe(1);
    expect(() => neigh.add(eth1, ip('10.0.2.9'), parseMac(STATION)!, 'stale')).toThrow('No buffer space available');
    expect(host.pool.live).toBe(0);
  });

  test('gc_thresh3 entries at most', () => {
    const host = router();
    host.ns.sysctl.set('net.ipv4.neigh.default.gc_thresh2', 8);
    host.ns.sysctl.set('net.ipv4.neigh.default.gc_thresh3', 10);
    for (let i = 0; i < 100; i++) host.inject('eth1', arp(1, '10.0.2.1', undefined, `10.0.2.${100 + i}`));
    expect(host.ns.neigh.table.count).toBeLessThanOrEqual(10);
  });
});

describe('answering and learning', () => {
  test('probes are answered and teach nothing', () => {
    const host = router();
    expect(host.inject('eth1', arp(1, '10.0.2.1', undefined, '0.0.0.0'))).toHaveLength(1);
    expect(state(host)).toBe('');
  });

  test.each([
    ['arp_ignore', 1, '10.0.1.1', 0],
    ['arp_ignore', 1, '10.0.2.1', 1],
    ['arp_ignore', 8, '10.0.2.1', 0],
    ['arp_filter', 1, '10.0.1.1', 1],
    ['proxy_arp', 1, '10.0.1.77', 1],
    ['proxy_arp', 0, '10.0.1.77', 0],
    ['proxy_arp', 1, '10.0.2.77', 0],
    ['proxy_arp_pvlan', 1, '10.0.2.77', 1],
  ])('%s=%i, asked for %s: %i answers', (key, value, target, answers) => {
    const host = router();
    host.ns.sysctl.set(`net.ipv4.conf.eth1.${key}`, value);
    host.ns.sysctl.set('net.ipv4.neigh.eth1.proxy_delay', 0);
    expect(host.inject('eth1', arp(1, target))).toHaveLength(answers);
  });

  test('a proxy takes its time for broadcast requests', () => {
    const host = router();
    host.ns.sysctl.set('net.ipv4.conf.eth1.proxy_arp', 1);
    expect(host.inject('eth1', arp(1, '10.0.1.77'))).toHaveLength(0);
    expect(host.wait(SECOND)).toHaveLength(1);
    expect(host.pool.live).toBe(0);
  });

  test('arp_accept makes entries of gratuitous ARP', () => {
    const host = router();
    host.inject('eth1', arp(1, '10.0.2.9'));
    expect(state(host)).toBe('');
    host.ns.sysctl.set('net.ipv4.conf.all.arp_accept', 1);
    host.inject('eth1', arp(1, '10.0.2.9'));
    expect(state(host)).toBe('10.0.2.9 dev eth1 lladdr 02:00:00:00:02:09 STALE');
  });

  test('of two answers within a second the first counts', () => {
    const host = router();
    host.inject('eth0', toUnknown(1));
    host.inject('eth1', arp(2, '10.0.2.1', OURS));
    host.inject('eth1', arp(2, '10.0.2.1', OURS, '10.0.2.9', '02:00:00:00:02:66'));
    expect(state(host)).toContain(STATION);
    host.wait(2 * SECOND);
    host.inject('eth1', arp(2, '10.0.2.1', OURS, '10.0.2.9', '02:00:00:00:02:66'));
    expect(state(host)).toContain('02:00:00:00:02:66');
  });
});
