import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Route6Config } from '../../src/net/fib6-config.ts';
import { Fib6Table } from '../../src/net/fib6-table.ts';
import { Flow6 } from '../../src/net/flow6.ts';
import { in6, maskIn6, samePrefix } from '../../src/net/in6.ts';
import * as rtn from '../../src/net/rtn.ts';
import { ip6, type Router6, router6, text6 } from './host6.ts';

/** Where a packet of this host goes: device and gateway, or the errno. */
function way({ ip }: Router6, dst: string, fields: { oif?: number; src?: string; mark?: number } = {}): string {
  const flow = new Flow6();
  flow.dst.set(ip6(dst));
  if (fields.src !== undefined) flow.src.set(ip6(fields.src));
  flow.oif = fields.oif ?? 0;
  flow.mark = fields.mark ?? 0;
  const error = ip.routing.output(flow);
  if (error !== 0) return String(error);
  const { rt } = ip.routing;
  return `${rt.dev!.name}${rt.nextHop === 0 ? '' : ` via ${text6(ip.fib.gateways[rt.nextHop]!)}`}`;
}

const route = (text: string, more: Partial<Route6Config> = {}): Route6Config => {
  const [prefix, length] = text.split('/') as [string, string];
  return { prefix: ip6(prefix), length: Number(length), nextHops: [], ...more };
};
const via = (gateway: string) => ({ nextHops: [{ gateway: ip6(gateway) }] });

describe('a table', () => {
  test('finds the longest prefix, as a list would', () => {
    const words = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }));
    const prefix = fc.record({ words, length: fc.constantFrom(0, 30, 31, 32, 62, 63, 64, 128) });
    fc.assert(
      fc.property(fc.array(prefix, { maxLength: 40 }), words, (prefixes, [a, b]) => {
        const table = new Fib6Table();
        const inserted = prefixes.map(({ words: [c, d], length }, metric) => {
          const made = {
            ...{ prefix: maskIn6(in6([c, d, 0, 0]), length), length, table: 254, metric, type: 1, source: null },
            ...{ mtu: 0, nextHops: [], automatic: false, next: null },
          };
          table.insert(made);
          return made;
        });
        for (const [i, gone] of inserted.entries()) if (i % 3 === 0) table.remove(gone);
        const left = inserted.filter((_, i) => i % 3 !== 0);
        const dst = in6([a, b, 0, 0]);
        const best = left
          .filter((entry) => samePrefix(dst, entry.prefix, entry.length))
          .sort((x, y) => y.length - x.length || x.metric - y.metric)[0];
        const first = table.lengths.map((length) => table.first(dst, length)).find((found) => found !== null);
        expect(first ?? undefined).toBe(best);
        expect([...table.routes()].length).toBe(left.length);
      }),
    );
  });
});

describe('routes', () => {
  test('to links, to oneself, to groups', () => {
    const router = router6();
    expect(way(router, 'fd00:2::9')).toBe('eth1');
    expect(way(router, 'fd00:2::1')).toBe('lo');
    expect(way(router, 'fe80::9', { oif: 2 })).toBe('eth0');
    expect(way(router, 'ff02::5', { oif: 3 })).toBe('eth1');
    expect(way(router, '2001:db8::1')).toBe('-101');
  });

  test('longest prefix, then metric; those that lead nowhere say why', () => {
    const router = router6();
    const { fib } = router.ip;
    fib.addRoute(route('fd00:20::/32', via('fd00:2::9')));
    fib.addRoute(route('fd00:20::/32', { ...via('fd00:1::9'), metric: 5 }));
    fib.addRoute(route('fd00:20:1::/48', { type: rtn.RTN_PROHIBIT }));
    fib.addRoute(route('fd00:20:2::/48', { type: rtn.RTN_BLACKHOLE }));
    fib.addRoute(route('fd00:20:3::/48', { type: rtn.RTN_UNREACHABLE }));
    const gone = fib.addRoute(route('fd00:20:4::/48', { type: rtn.RTN_THROW }));
    expect(way(router, 'fd00:20::1')).toBe('eth0 via fd00:1::9');
    // Without a device in mind the metric decides; with one, a route by it is found though it is worse.
    expect(way(router, 'fd00:20::1', { oif: 3 })).toBe('eth1 via fd00:2::9');
    expect(['1', '2', '3', '4'].map((n) => way(router, `fd00:20:${n}::1`))).toEqual(['-13', '-22', '-113', '-101']);
    fib.removeRoute(gone);
    expect(way(router, 'fd00:20:4::1')).toBe('eth0 via fd00:1::9');
  });

  test('refused: twice, host bits, a gateway that no link has, a link-local one without a device', () => {
    const { fib } = router6().ip;
    fib.addRoute(route('fd00:20::/32', via('fd00:2::9')));
    expect(() => fib.addRoute(route('fd00:20::/32', via('fd00:2::8')))).toThrow('File exists');
    expect(() => fib.addRoute(route('fd00:20::1/32', via('fd00:2::8')))).toThrow('Invalid prefix');
    expect(() => fib.addRoute(route('fd00:21::/32', via('2001:db8::8')))).toThrow('invalid gateway');
    expect(() => fib.addRoute(route('fd00:21::/32', via('fe80::8')))).toThrow('Device must be specified');
    expect(() => fib.addRoute(route('fd00:21::/32'))).toThrow('No such device');
  });

  test('several next hops share flows', () => {
    const router = router6();
    router.ip.fib.addRoute(
      route('fd00:30::/64', { nextHops: [{ gateway: ip6('fd00:1::8') }, { gateway: ip6('fd00:2::8'), weight: 3 }] }),
    );
    const counts = new Map<string, number>();
    for (let i = 1; i <= 400; i++) {
      const found = way(router, `fd00:30::${i.toString(16)}`);
      counts.set(found, (counts.get(found) ?? 0) + 1);
    }
    expect(counts.size).toBe(2);
    expect(counts.get('eth1 via fd00:2::8')!).toBeGreaterThan(counts.get('eth0 via fd00:1::8')!);
    router.host.ns.setUp(router.eth1, false);
    expect(way(router, 'fd00:30::1')).toBe('eth0 via fd00:1::8');
  });

  test('go with their device and come back with its addresses', () => {
    const router = router6();
    router.host.ns.setUp(router.eth1, false);
    expect(way(router, 'fd00:2::9')).toBe('-101');
    router.host.ns.setUp(router.eth1, true);
    expect(way(router, 'fd00:2::9')).toBe('eth1');
    expect(way(router, 'fd00:2::1')).toBe('lo');
  });
});

describe('rules', () => {
  test('choose tables by source, destination and mark, or say no', () => {
    const router = router6();
    const { fib } = router.ip;
    const all = { prefix: ip6('::'), length: 0 };
    fib.addRoute(route('::/0', { ...via('fd00:1::9'), table: 100 }));
    fib.addRule({ preference: 10, mark: 7, table: 100 });
    fib.addRule({ preference: 20, from: { prefix: ip6('fd00:2::'), length: 64 }, to: all, table: 100 });
    fib.addRule({ preference: 30, to: { prefix: ip6('fd00:66::'), length: 32 }, action: 'prohibit' });
    fib.addRule({ preference: 40, to: { prefix: ip6('fd00:67::'), length: 32 }, action: 'blackhole' });
    fib.addRule({ preference: 50, to: { prefix: ip6('fd00:68::'), length: 32 }, action: 'unreachable' });
    fib.addRule({ preference: 60, mark: 8, table: 200 });
    expect(way(router, '2001:db8::1', { mark: 7 })).toBe('eth0 via fd00:1::9');
    expect(way(router, '2001:db8::1', { src: 'fd00:2::1' })).toBe('eth0 via fd00:1::9');
    expect(way(router, '2001:db8::1', { mark: 8 })).toBe('-101');
    expect(['66', '67', '68'].map((n) => way(router, `fd00:${n}::1`))).toEqual(['-13', '-22', '-101']);
  });

  test('suppress what is too short', () => {
    const router = router6();
    router.ip.fib.addRoute(route('::/0', via('fd00:1::9')));
    router.ip.fib.addRule({ preference: 10, table: 254, suppressPrefixLength: 0 });
    router.ip.fib.addRule({ preference: 11, action: 'unreachable' });
    expect(way(router, 'fd00:2::9')).toBe('eth1');
    expect(way(router, '2001:db8::1')).toBe('-101');
  });
});
