/** Routes and policy rules of a description, in the words of the ip command, to what a namespace is told. iproute2's iproute.c and iprule.c. @module */
import type { Device } from '../net/device.ts';
import type { CommonRule, NextHopConfig, RouteConfig, RuleAction, RuleConfig } from '../net/fib-config.ts';
import * as rtn from '../net/rtn.ts';
import { parse4 } from '../packet/address.ts';
import { given, map } from './given.ts';
import { LabError, type Place, parsePrefix } from './shape.ts';
import type { PolicyRule, Route } from './topology.ts';

const TABLES: Readonly<Record<string, number>> = { default: 253, main: 254, local: 255 };
const SCOPES: Readonly<Record<string, number>> = {
  global: 0,
  universe: 0,
  site: 200,
  link: 253,
  host: 254,
  nowhere: 255,
};
const PROTOCOLS: Readonly<Record<string, number>> = { icmp: 1, tcp: 6, udp: 17, sctp: 132 };

const TYPES: Readonly<Record<NonNullable<Route['type']>, number>> = {
  unicast: rtn.RTN_UNICAST,
  local: rtn.RTN_LOCAL,
  broadcast: rtn.RTN_BROADCAST,
  blackhole: rtn.RTN_BLACKHOLE,
  unreachable: rtn.RTN_UNREACHABLE,
  prohibit: rtn.RTN_PROHIBIT,
  throw: rtn.RTN_THROW,
};

type Word = number | string;

/** A number of the C kind (decimal, 0x, 0), or one of these names. */
function number(word: Word, at: Place, field: string, names: Readonly<Record<string, number>> = {}): number {
  const value = names[word] ?? (/^(0x[0-9a-f]+|\d+)$/i.test(String(word)) ? Number(word) : Number.NaN);
  if (Number.isInteger(value)) return value;
  const expected = ['a number', ...Object.keys(names)].join(', ');
  throw new LabError(at.file, `${at.path}.${field}`, `found ${JSON.stringify(word)}, expected ${expected}`);
}

/** The ip command reads TOS as hexadecimal, with or without 0x. */
function tos(word: Word, at: Place): number {
  const value = /^(0x)?[0-9a-f]{1,2}$/i.test(String(word)) ? Number.parseInt(String(word), 16) : Number.NaN;
  if (Number.isInteger(value)) return value;
  throw new LabError(
    at.file,
    `${at.path}.tos`,
    `found ${JSON.stringify(word)}, expected a hexadecimal number up to ff`,
  );
}

const prefixOf = (text: string): { readonly prefix: number; readonly length: number } => {
  if (text === 'default' || text === 'all') return { prefix: 0, length: 0 };
  const { address, length } = parsePrefix(text)!;
  return { prefix: address, length };
};

/** The next hops of a route whatever the family; none for a route that leads nowhere. */
export function nextHops<A>(
  route: Route,
  device: (name: string) => Device,
  parse: (text: string) => A,
): NextHopConfig<A>[] {
  const hop = (via: string | undefined, dev: string | undefined, weight?: number): NextHopConfig<A> => ({
    ...given('gateway', map(via, parse)),
    ...given('dev', map(dev, device)),
    ...given('weight', weight),
    ...given('onlink', route.onlink),
  });
  if (route.nexthops !== undefined) return route.nexthops.map(({ via, dev, weight }) => hop(via, dev, weight));
  return route.via === undefined && route.dev === undefined ? [] : [hop(route.via, route.dev)];
}

/** What `ip route add` says whatever the family. @throws {LabError} for a word that means nothing */
export const commonRoute = (route: Route, at: Place): Pick<RouteConfig, 'type' | 'table' | 'metric' | 'mtu'> => ({
  ...given(
    'type',
    map(route.type, (type) => TYPES[type]),
  ),
  ...given(
    'table',
    map(route.table, (word) => number(word, at, 'table', TABLES)),
  ),
  ...given('metric', route.metric),
  ...given(
    'mtu',
    map(route.mtu, (word) => number(String(word).replace(/^lock /, ''), at, 'mtu')),
  ),
});

/** `ip route add`. @throws {LabError} for a word that means nothing */
export function routeConfig(route: Route, device: (name: string) => Device, at: Place): RouteConfig {
  return {
    ...prefixOf(route.dst),
    nextHops: nextHops(route, device, (text) => parse4(text)!),
    ...commonRoute(route, at),
    ...given(
      'tos',
      map(route.tos, (word) => tos(word, at)),
    ),
    ...given(
      'scope',
      map(route.scope, (word) => number(word, at, 'scope', SCOPES)),
    ),
    ...given(
      'source',
      map(route.src, (text) => parse4(text)!),
    ),
    ...given(
      'mtuLocked',
      map(route.mtu, (word) => String(word).startsWith('lock ')),
    ),
  };
}

function markAndMask(word: Word, at: Place): { readonly mark: number; readonly markMask?: number } {
  const [mark, mask] = String(word).split('/');
  return {
    mark: number(mark!, at, 'fwmark') | 0,
    ...given(
      'markMask',
      map(mask, (text) => number(text, at, 'fwmark') | 0),
    ),
  };
}

const ACTIONS: Readonly<Record<NonNullable<PolicyRule['type']>, RuleAction>> = {
  unicast: 'table',
  blackhole: 'blackhole',
  unreachable: 'unreachable',
  prohibit: 'prohibit',
};

/** What `ip rule add` says whatever the family. @throws {LabError} for a word that means nothing */
export function commonRule(rule: PolicyRule, at: Place): CommonRule {
  const dstPorts = map(rule.dport, (word): readonly [number, number] => {
    const [first, last] = String(word).split('-');
    return [number(first!, at, 'dport'), number(last ?? first!, at, 'dport')];
  });
  return {
    preference: rule.pref,
    ...(rule.fwmark === undefined ? {} : markAndMask(rule.fwmark, at)),
    ...given('iif', rule.iif),
    ...given('oif', rule.oif),
    ...given(
      'protocol',
      map(rule.ipproto, (word) => number(word, at, 'ipproto', PROTOCOLS)),
    ),
    ...given('dstPorts', dstPorts),
    ...given(
      'table',
      map(rule.table, (word) => number(word, at, 'table', TABLES)),
    ),
    ...given(
      'action',
      map(rule.type, (type) => ACTIONS[type]),
    ),
  };
}

/** `ip rule add`. @throws {LabError} for a word that means nothing */
export function ruleConfig(rule: PolicyRule, at: Place): RuleConfig {
  return {
    ...commonRule(rule, at),
    ...given('from', map(rule.from, prefixOf)),
    ...given('to', map(rule.to, prefixOf)),
    ...given(
      'tos',
      map(rule.tos, (word) => tos(word, at)),
    ),
  };
}
