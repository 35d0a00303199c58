import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FibResult } from '../../src/net/fib.ts';
import type { RouteConfig } from '../../src/net/fib-config.ts';
import type { Route } from '../../src/net/fib-route.ts';
import { Flow } from '../../src/net/flow.ts';
import * as rtn from '../../src/net/rtn.ts';
import { format4, mask4 } from '../../src/packet/address.ts';
import { Host, ip, router } from './host.ts';

const flow = (fields: Partial<Flow>): Flow => Object.assign(new Flow(), fields);

function lookup(host: Host, fields: Partial<Flow>): string | number {
  const res = new FibResult();
  const error = host.ns.fib.lookup(flow(fields), res);
  return error === 0 ? `${res.type} ${format4(res.hop!.gateway)} ${res.hop!.dev!.name}` : error;
}

const lines = (routes: readonly Route[]): string[] =>
  routes.map((r) => `${r.type} ${format4(r.prefix)}/${r.length} ${r.nextHops[0]!.dev!.name} scope ${r.scope}`).sort();

describe('routes that addresses bring', () => {
  test('a subnet: connected, broadcast and local routes', () => {
    const host = new Host();
    host.port('eth0', '02:00:00:00:01:01', ['10.0.1.1/24']);
    expect(lines(host.ns.fib.routes(rtn.RT_TABLE_MAIN))).toEqual(['1 10.0.1.0/24 eth0 scope 253']);
    expect(lines(host.ns.fib.routes(rtn.RT_TABLE_LOCAL)).filter((line) => line.includes('eth0'))).toEqual([
      '2 10.0.1.1/32 eth0 scope 254',
      '3 10.0.1.255/32 eth0 scope 253',
    ]);
  });

  test('/31 and /32: no broadcast, and no connected route for a host', () => {
    const host = new Host();
    host.port('eth0', '02:00:00:00:01:01', ['10.0.1.0/31', '10.9.9.9/32']);
    expect(lines(host.ns.fib.routes())).toEqual(['1 10.0.1.0/31 eth0 scope 253']);
    expect(lines(host.ns.fib.routes(rtn.RT_TABLE_LOCAL)).filter((line) => line.includes('eth0'))).toEqual([
      '2 10.0.1.0/32 eth0 scope 254',
      '2 10.9.9.9/32 eth0 scope 254',
    ]);
  });

  test('a second address of a subnet is secondary and brings a local route alone', () => {
    const host = new Host();
    host.port('eth0', '02:00:00:00:01:01', ['10.0.1.1/24', '10.0.1.9/24']);
    expect(lines(host.ns.fib.routes())).toHaveLength(1);
    const [, second] = host.ns.addresses.of(host.ns.device('eth0')!);
    expect(second!.secondary).toBe(true);
  });

  test('a device that goes down takes its routes along, but its addresses stay local', () => {
    const host = router();
    const eth1 = host.ns.device('eth1')!;
    host.ns.fib.addRoute({ prefix: 0, length: 0, nextHops: [{ gateway: ip('10.0.2.2') }] });
    host.ns.setUp(eth1, false);
    expect(lookup(host, { dst: ip('10.0.2.2') })).toBe(-101);
    expect(lookup(host, { dst: ip('8.8.8.8') })).toBe(-101);
    expect(host.ns.fib.addressType(ip('10.0.2.1'))).toBe(rtn.RTN_LOCAL);
    host.ns.setUp(eth1, true);
    expect(lookup(host, { dst: ip('10.0.2.2') })).toBe('1 0.0.0.0 eth1');
    // A route by hand is lost.
    expect(lookup(host, { dst: ip('8.8.8.8') })).toBe(-101);
  });
});

describe('choice', () => {
  test('metric and TOS order the routes of one prefix', () => {
    const host = router();
    const via = (last: number, more: Partial<RouteConfig>): void => {
      const nextHops = [{ gateway: ip(`10.0.2.${last}`) }];
      host.ns.fib.addRoute({ prefix: ip('10.9.0.0'), length: 16, nextHops, ...more });
    };
    via(3, { metric: 5 });
    via(4, { metric: 2 });
    via(5, { tos: 0x10, metric: 9 });
    expect(lookup(host, { dst: ip('10.9.1.1') })).toBe('1 10.0.2.4 eth1');
    expect(lookup(host, { dst: ip('10.9.1.1'), tos: 0x10 })).toBe('1 10.0.2.5 eth1');
    expect(() => via(9, { metric: 2 })).toThrow('File exists');
  });

  test('types end a lookup with their errors; throw asks the next table', () => {
    const host = router();
    const add = (prefix: string, type: number, table?: number): void => {
      host.ns.fib.addRoute({ prefix: ip(prefix), length: 16, type, nextHops: [], ...(table ? { table } : {}) });
    };
    add('10.5.0.0', rtn.RTN_BLACKHOLE);
    add('10.6.0.0', rtn.RTN_UNREACHABLE);
    add('10.7.0.0', rtn.RTN_PROHIBIT);
    add('10.8.0.0', rtn.RTN_THROW);
    const all = ['10.5.0.1', '10.6.0.1', '10.7.0.1', '10.8.0.1'];
    expect(all.map((dst) => lookup(host, { dst: ip(dst) }))).toEqual([-22, -113, -13, -101]);
    host.ns.fib.addRule({ preference: 100, table: 7 });
    add('10.5.0.0', rtn.RTN_THROW, 7);
    expect(lookup(host, { dst: ip('10.5.0.1') })).toBe(-22);
  });

  test('rules: source, mark, interface, suppression, and what has no table', () => {
    const host = router();
    const { fib } = host.ns;
    fib.addRoute({ prefix: 0, length: 0, table: 10, nextHops: [{ gateway: ip('10.0.1.2') }] });
    fib.addRoute({ prefix: 0, length: 0, nextHops: [{ gateway: ip('10.0.2.2') }] });
    fib.addRule({ preference: 50, table: 254, suppressPrefixLength: 0 });
    fib.addRule({ preference: 100, from: { prefix: ip('10.0.1.0'), length: 24 }, table: 10 });
    fib.addRule({ preference: 101, mark: 0x100, markMask: 0xf00, table: 10 });
    fib.addRule({ preference: 102, iif: 'eth1', action: 'prohibit' });
    const dst = ip('8.8.8.8');
    expect(lookup(host, { dst })).toBe('1 10.0.2.2 eth1');
    expect(lookup(host, { dst, src: ip('10.0.1.7') })).toBe('1 10.0.1.2 eth0');
    expect(lookup(host, { dst, mark: 0x7103 })).toBe('1 10.0.1.2 eth0');
    expect(lookup(host, { dst, iif: host.ns.device('eth1')!.index })).toBe(-13);
    // Suppression passes over the default route of main, not over its subnets.
    expect(lookup(host, { dst: ip('10.0.2.9'), src: ip('10.0.1.7') })).toBe('1 0.0.0.0 eth1');
  });

  test('a gateway must be on a link', () => {
    const host = router();
    expect(() => host.ns.fib.addRoute({ prefix: 0, length: 0, nextHops: [{ gateway: ip('9.9.9.9') }] })).toThrow(
      'invalid gateway 9.9.9.9',
    );
    const dev = host.ns.device('eth0')!;
    host.ns.fib.addRoute({ prefix: 0, length: 0, nextHops: [{ gateway: ip('9.9.9.9'), dev, onlink: true }] });
    expect(lookup(host, { dst: ip('8.8.8.8') })).toBe('1 9.9.9.9 eth0');
  });
});

interface Plain {
  readonly prefix: number;
  readonly length: number;
  readonly metric: number;
}

const plainRoute: fc.Arbitrary<Plain> = fc
  .record({ address: fc.integer(), length: fc.integer({ min: 1, max: 32 }), metric: fc.integer({ min: 0, max: 3 }) })
  // Few high bits, so that prefixes nest.
  .map(({ address, length, metric }) => ({ prefix: address & 0x4f00ff00 & mask4(length), length, metric }));

test('longest prefix match agrees with a list that is searched', () => {
  void fc.assert(
    fc.property(
      fc.array(plainRoute, { maxLength: 60 }),
      fc.array(fc.integer(), { maxLength: 30 }),
      (routes, removed) => {
        const host = new Host();
        const dev = host.port('eth0', '02:00:00:00:01:01', []);
        const kept = new Map<string, Plain>();
        const made = new Map<string, Route>();
        for (const plain of routes) {
          const key = `${plain.prefix}/${plain.length} ${plain.metric}`;
          if (kept.has(key)) continue;
          kept.set(key, plain);
          made.set(key, host.ns.fib.addRoute({ ...plain, nextHops: [{ dev }] }));
        }
        for (const n of removed) {
          const key = [...kept.keys()][Math.abs(n) % Math.max(kept.size, 1)];
          if (key === undefined) continue;
          host.ns.fib.removeRoute(made.get(key)!);
          kept.delete(key);
        }
        const res = new FibResult();
        for (const { prefix } of routes) {
          for (const dst of [prefix, prefix | 0x33, prefix ^ 0x01000000]) {
            const best = [...kept.values()]
              .filter((r) => (dst & mask4(r.length)) === r.prefix)
              .sort((a, b) => b.length - a.length || a.metric - b.metric)[0];
            const error = host.ns.fib.lookup(flow({ dst }), res);
            if (best === undefined) expect(error).toBe(-101);
            else
              expect([error, res.prefix, res.length, res.route!.metric]).toEqual([
                0,
                best.prefix,
                best.length,
                best.metric,
              ]);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('multipath shares flows by weight, and keeps each on its hop', () => {
  const host = router();
  const nextHops = [
    { gateway: ip('10.0.1.2'), weight: 1 },
    { gateway: ip('10.0.2.2'), weight: 3 },
  ];
  host.ns.fib.addRoute({ prefix: 0, length: 0, nextHops });
  const { routing } = host.ns.ip;
  let second = 0;
  for (let i = 0; i < 2000; i++) {
    const dst = ip('8.0.0.0') + i * 7919;
    routing.route(flow({ dst }));
    const first = routing.rt.nextHop;
    routing.route(flow({ dst }));
    expect(routing.rt.nextHop).toBe(first);
    if (first === ip('10.0.2.2')) second++;
  }
  expect(second / 2000).toBeGreaterThan(0.7);
  expect(second / 2000).toBeLessThan(0.8);
});
