/** IPv6 in a description: settings, addresses, neighbours, routes and rules whose addresses are of that family. @module */
import type { Device } from '../net/device.ts';
import type { Prefix6, Route6Config, Rule6Config } from '../net/fib6-config.ts';
import { in6 } from '../net/in6.ts';
import { Ipv6 } from '../net/ip6.ts';
import type { Netns } from '../net/netns.ts';
import { parse6, parseMac } from '../packet/address.ts';
import { BASELINE6 } from './baseline.ts';
import { given, map } from './given.ts';
import { commonRoute, commonRule, nextHops } from './routes.ts';
import { type Place, parsePrefix6 } from './shape.ts';
import type { Neighbour, PolicyRule, Route } from './topology.ts';

/** Is it the text of an IPv6 address or prefix? */
export const isIpv6 = (text: string | undefined): boolean => text?.includes(':') === true;

/** Does the route belong to IPv6? `default` belongs to the family of its gateway. */
export const isRoute6 = ({ dst, via, nexthops }: Route): boolean =>
  isIpv6(dst) || isIpv6(via) || isIpv6(nexthops?.[0]?.via);

export const isRule6 = ({ from, to }: PolicyRule): boolean => isIpv6(from) || isIpv6(to);

/** Switch IPv6 on in a namespace. */
export function enableIpv6(ns: Netns): void {
  new Ipv6(ns);
  for (const which of ['all', 'default']) {
    for (const [key, value] of Object.entries(BASELINE6)) ns.sysctl.set(`net.ipv6.conf.${which}.${key}`, value);
  }
}

/** The namespace's IPv6. @throws {RangeError} when it has none */
export function ipv6Of(ns: Netns): Ipv6 {
  if (ns.ipv6 === null) throw new RangeError('IPv6 is disabled here, expected ipv6: true');
  return ns.ipv6;
}

/** `ip addr add`. @throws {RangeError} */
export function addAddress6(ns: Netns, dev: Device, text: string): void {
  const { address, length } = parsePrefix6(text)!;
  ipv6Of(ns).addresses.add(dev, in6(address), length);
}

/** `ip neigh replace`, `ip neigh add proxy`. @throws {RangeError} */
export function addNeighbour6(ns: Netns, dev: Device, { ip, mac, state, proxy }: Neighbour): void {
  const ip6 = ipv6Of(ns);
  const address = in6(parse6(ip));
  if (proxy === true) ip6.addProxy(dev, address);
  else ip6.neigh.add6(dev, address, parseMac(mac!)!, state);
}

const prefixOf = (text: string): Prefix6 => {
  if (text === 'default' || text === 'all') return { prefix: in6(), length: 0 };
  const { address, length } = parsePrefix6(text)!;
  return { prefix: in6(address), length };
};

/** `ip -6 route add`. @throws {LabError} for a word that means nothing */
export const route6Config = (route: Route, device: (name: string) => Device, at: Place): Route6Config => ({
  ...prefixOf(route.dst),
  nextHops: nextHops(route, device, (text) => in6(parse6(text))),
  ...commonRoute(route, at),
  ...given(
    'source',
    map(route.src, (text) => in6(parse6(text))),
  ),
});

/** `ip -6 rule add`. @throws {LabError} for a word that means nothing */
export const rule6Config = (rule: PolicyRule, at: Place): Rule6Config => ({
  ...commonRule(rule, at),
  ...given('from', map(rule.from, prefixOf)),
  ...given('to', map(rule.to, prefixOf)),
});
