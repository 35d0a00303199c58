import { describe, expect, test } from 'vitest';
import { Flow } from '../../src/net/flow.ts';
import { format4 } from '../../src/packet/address.ts';
import { type Host, ip, ipv4Frame, router, udp } from './host.ts';

/** 10.9.0.0/16 by either neighbour, half of the flows each; 10.8.0.0/16 is where they come from. */
function twoWays(policy = 0): Host {
  const host = router();
  host.ns.sysctl.set('net.ipv4.fib_multipath_hash_policy', policy);
  const nextHops = [{ gateway: ip('10.0.1.2') }, { gateway: ip('10.0.2.2') }];
  host.ns.fib.addRoute({ prefix: ip('10.9.0.0'), length: 16, nextHops });
  return host;
}

/** By which port a forwarded frame leaves. */
const way = (host: Host, frame: Uint8Array): string => host.inject('eth0', frame)[0]!.port;
const datagram = (sport: number, fields: object = {}): Uint8Array =>
  ipv4Frame({ dst: '10.9.1.1', protocol: 17, payload: udp(sport, 53, new Uint8Array(4)), ...fields });
const PORTS = Array.from({ length: 64 }, (_, i) => 1000 + 37 * i);

describe('which of two ways a forwarded packet takes', () => {
  test('by its addresses: ports change nothing', () => {
    const host = twoWays();
    expect(new Set(PORTS.map((port) => way(host, datagram(port)))).size).toBe(1);
  });

  test('by its ports, when told so: flows go both ways, each always the same', () => {
    const host = twoWays(1);
    const first = PORTS.map((port) => way(host, datagram(port)));
    expect(new Set(first)).toEqual(new Set(['eth0', 'eth1']));
    expect(PORTS.map((port) => way(host, datagram(port)))).toEqual(first);
  });

  test('fragments and what has no ports go by their addresses all the same', () => {
    const host = twoWays(1);
    const fragments = PORTS.map((port) => way(host, datagram(port, { fragment: 0x2000, id: port })));
    expect(new Set(fragments).size).toBe(1);
    const others = PORTS.map((port) => way(host, datagram(port, { protocol: 89 })));
    expect(new Set(others).size).toBe(1);
    expect(new Set([way(host, ipv4Frame({ dst: '10.9.1.1', protocol: 17, payload: new Uint8Array(3) }))]).size).toBe(1);
  });

  test('an ICMP error goes the way of the packet that it is about', () => {
    const host = twoWays();
    for (let i = 1; i < 40; i++) {
      const quoted = ipv4Frame({
        src: `10.9.1.${i}`,
        dst: '10.0.1.2',
        protocol: 17,
        payload: udp(53, 1, new Uint8Array(4)),
      });
      const error = new Uint8Array(8 + quoted.length - 14);
      error.set([3, 3]);
      error.set(quoted.subarray(14), 8);
      const flow = way(host, ipv4Frame({ src: '10.0.1.2', dst: `10.9.1.${i}`, protocol: 253 }));
      expect(way(host, ipv4Frame({ src: '10.0.1.3', dst: `10.9.1.${i}`, protocol: 1, payload: error }))).toBe(flow);
    }
  });
});

describe('which of two ways this host sends', () => {
  const next = (host: Host, fields: Partial<Flow>): string => {
    const { routing } = host.ns.ip;
    routing.route(Object.assign(new Flow(), { dst: ip('10.9.1.1'), ...fields }));
    return format4(routing.rt.nextHop);
  };

  test('from an address of its own: out of that address’s device', () => {
    for (const policy of [0, 1]) {
      const host = twoWays(policy);
      for (let i = 0; i < 32; i++) {
        expect(next(host, { src: ip('10.0.1.1'), dst: ip('10.9.2.0') + i })).toBe('10.0.1.2');
        expect(next(host, { src: ip('10.0.2.1'), dst: ip('10.9.2.0') + i })).toBe('10.0.2.2');
      }
    }
  });

  test('by ports, when told so', () => {
    const spread = (policy: number): number => {
      const host = twoWays(policy);
      return new Set(PORTS.map((srcPort) => next(host, { protocol: 17, srcPort, dstPort: 53 }))).size;
    };
    expect([spread(0), spread(1)]).toEqual([1, 2]);
  });
});

test('a rule may ask for a protocol and for ports, and the way back is looked up with them changed over', () => {
  const host = router();
  const { fib } = host.ns;
  fib.addRoute({ prefix: ip('10.7.0.0'), length: 16, table: 100, nextHops: [{ gateway: ip('10.0.2.2') }] });
  fib.addRule({ preference: 10, protocol: 17, dstPorts: [50, 60], table: 100 });
  const to = (sport: number, dport: number, protocol = 17): readonly unknown[] =>
    host.inject('eth0', ipv4Frame({ dst: '10.7.0.1', protocol, payload: udp(sport, dport, new Uint8Array(4)) }));
  const left = (frames: readonly unknown[]): string => (frames[0] as { port: string }).port;
  expect(left(to(1, 53))).toBe('eth1');
  expect(left(to(1, 61))).toBe('eth0');
  expect(left(to(53, 1))).toBe('eth0');
  expect(left(to(1, 53, 6))).toBe('eth0');
  // Strict reverse path: from 10.7.0.1 port 53 it is known to come by eth1, for the answer has port 53 as its destination.
  host.ns.sysctl.set('net.ipv4.conf.all.rp_filter', 1);
  const back = (sport: number): number =>
    host.inject(
      'eth1',
      ipv4Frame({
        src: '10.7.0.1',
        dst: '10.0.1.2',
        protocol: 17,
        payload: udp(sport, 9, new Uint8Array(4)),
        mac: '02:00:00:00:02:01',
      }),
    ).length;
  expect([back(53), back(61)]).toEqual([1, 0]);
});
