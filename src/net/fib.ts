/**
 * The forwarding information base: tables, the rules that choose among them, and the routes that addresses bring with
 * them. net/ipv4/fib_frontend.c, fib_semantics.c, fib_rules.c, fib_trie.c. @module
 */
import { format4, mask4 } from '../packet/address.ts';
import type { Ifaddr } from './address.ts';
import type { Device } from './device.ts';
import { EACCES, EAGAIN, EHOSTUNREACH, EINVAL, ENETUNREACH } from './errno.ts';
import type { NextHopConfig, RouteConfig, RuleConfig } from './fib-config.ts';
import { type NextHop, type Route, rebalance, uses } from './fib-route.ts';
import { DSCP_LEGACY_TOS, FibRule, STANDARD_RULES } from './fib-rule.ts';
import { FibTable } from './fib-table.ts';
import { Flow } from './flow.ts';
import type { Netns } from './netns.ts';
import * as rtn from './rtn.ts';

/** What a lookup found: struct fib_result. */
export class FibResult {
  type = 0;
  scope = 0;
  prefix = 0;
  length = 0;
  table = 0;
  route: Route | null = null;
  /** The next hop chosen so far: the first that fits, until the multipath hash says otherwise. */
  hop: NextHop | null = null;
}

/** fib_props: what a lookup that ends at a route of this type gives; 0 for a result. */
const TYPE_ERROR = [-EINVAL, 0, 0, 0, 0, 0, -EINVAL, -EHOSTUNREACH, -EACCES, -EAGAIN] as const;
const RULE_ERROR = { table: 0, blackhole: -EINVAL, unreachable: -ENETUNREACH, prohibit: -EACCES } as const;
const LIMITED_BROADCAST = -1;
const RESERVED_LENGTH = 31;

const isMulticast = (address: number): boolean => (address & 0xf0000000) === (0xe0000000 | 0);

/** Rules and tables of IPv4 of one namespace. */
export class Fib {
  /** Rules beyond the standard three were added: the tables local and main are then asked one after the other. */
  custom = false;
  /** A rule looks at ports (fib4_rules_early_flow_dissect). */
  needsPorts = false;
  /** Routes of type local that no address made (fib_has_custom_local_routes). */
  customLocal = false;
  readonly rules: FibRule[] = STANDARD_RULES.map((rule) => new FibRule(rule));
  private readonly ns: Netns;
  private readonly tables = new Map<number, FibTable>();
  private readonly local = new FibTable(rtn.RT_TABLE_LOCAL);
  private readonly main = new FibTable(rtn.RT_TABLE_MAIN);
  private fallback: FibTable | null = null;
  private readonly flow = new Flow();
  private readonly gatewayResult = new FibResult();
  private readonly typeResult = new FibResult();
  private readonly deviceIndex = (name: string): number => {
    const { devices } = this.ns;
    for (let i = 0; i < devices.length; i++) if (devices[i]!.name === name) return i;
    return -1;
  };

  constructor(ns: Netns) {
    this.ns = ns;
    this.tables.set(rtn.RT_TABLE_LOCAL, this.local);
    this.tables.set(rtn.RT_TABLE_MAIN, this.main);
  }

  // ---- lookup

  /** fib_lookup. @returns 0 with the result in `res`, or a negative errno. Runs per packet: no allocation. */
  lookup(flow: Flow, res: FibResult): number {
    if (this.custom) return this.lookupByRules(flow, res);
    let error = this.lookupMerged(flow, res);
    if (error !== 0 && this.fallback !== null) error = this.lookupIn(this.fallback, flow, res);
    return error === -EAGAIN ? -ENETUNREACH : error;
  }

  private lookupByRules(flow: Flow, res: FibResult): number {
    for (let i = 0; i < this.rules.length; i++) {
      const rule = this.rules[i]!;
      if (!rule.matches(flow, this.deviceIndex)) continue;
      if (rule.action !== 'table') return RULE_ERROR[rule.action];
      const table = this.tables.get(rule.table);
      const error = table === undefined ? -EAGAIN : this.lookupIn(table, flow, res);
      if (error === -EAGAIN || (error === 0 && res.length <= rule.suppressPrefixLength)) continue;
      return error;
    }
    return -ENETUNREACH;
  }

  /** Without further rules the kernel keeps local and main in one trie: the longer prefix wins, local first among equals. */
  private lookupMerged(flow: Flow, res: FibResult): number {
    const { local, main } = this;
    const a = local.lengths;
    const b = main.lengths;
    let i = 0;
    let j = 0;
    while (i < a.length || j < b.length) {
      const length = Math.max(i < a.length ? a[i]! : -1, j < b.length ? b[j]! : -1);
      if (a[i] === length) {
        i++;
        const error = this.choose(local.first(flow.dst, length), flow, res);
        if (error !== -EAGAIN) return error === THROWN ? -EAGAIN : error;
      }
      if (b[j] === length) {
        j++;
        const error = this.choose(main.first(flow.dst, length), flow, res);
        if (error !== -EAGAIN) return error === THROWN ? -EAGAIN : error;
      }
    }
    return -EAGAIN;
  }

  private lookupIn(table: FibTable, flow: Flow, res: FibResult): number {
    const { lengths } = table;
    for (let i = 0; i < lengths.length; i++) {
      const error = this.choose(table.first(flow.dst, lengths[i]!), flow, res);
      if (error !== -EAGAIN) return error === THROWN ? -EAGAIN : error;
    }
    return -EAGAIN;
  }

  /** The first route of a prefix that the flow may take. @returns 0, -EAGAIN for none, or the error of its type */
  private choose(first: Route | null, flow: Flow, res: FibResult): number {
    for (let route = first; route !== null; route = route.next) {
      if (route.tos !== 0 && route.tos !== (flow.tos & DSCP_LEGACY_TOS)) continue;
      if (route.scope < flow.scope) continue;
      const error = TYPE_ERROR[route.type]!;
      if (error !== 0) return error === -EAGAIN ? THROWN : error;
      for (let i = 0; i < route.nextHops.length; i++) {
        const hop = route.nextHops[i]!;
        if (hop.dead || (flow.oif !== 0 && hop.dev!.index !== flow.oif)) continue;
        fill(res, route, hop);
        return 0;
      }
    }
    return -EAGAIN;
  }

  /** inet_addr_type in table local (inet_dev_addr_type when a device is given). @returns RTN_* */
  addressType(address: number, dev: Device | null = null): number {
    if (address === 0 || address === LIMITED_BROADCAST) return rtn.RTN_BROADCAST;
    if (isMulticast(address)) return rtn.RTN_MULTICAST;
    this.flow.clear().dst = address;
    const res = this.typeResult;
    if (this.lookupIn(this.local, this.flow, res) !== 0) return rtn.RTN_UNICAST;
    return dev === null || dev === res.route!.nextHops[0]!.dev ? res.type : rtn.RTN_UNICAST;
  }

  /** The device of the route of type local that an address has in table local, or null. */
  localDevice(address: number): Device | null {
    this.flow.clear().dst = address;
    const res = this.typeResult;
    return this.lookupIn(this.local, this.flow, res) === 0 && res.type === rtn.RTN_LOCAL ? res.hop!.dev : null;
  }

  // ---- routes

  /** `ip route add`. @throws {RangeError} with the kernel's words when it refuses */
  addRoute(config: RouteConfig): Route {
    const route = this.build(config);
    const table = this.table(route.table);
    if (this.find(table, route) !== undefined) throw new RangeError('File exists');
    if (route.type === rtn.RTN_LOCAL) this.customLocal = true;
    table.insert(route);
    return route;
  }

  removeRoute(route: Route): void {
    this.table(route.table).remove(route);
  }

  /** Every route of a table, longest prefixes first. */
  routes(table: number = rtn.RT_TABLE_MAIN): readonly Route[] {
    return [...(this.tables.get(table)?.routes() ?? [])];
  }

  /** `ip rule add`. */
  addRule(config: RuleConfig): void {
    const rule = new FibRule(config);
    const at = this.rules.findIndex((other) => other.preference > rule.preference);
    this.rules.splice(at < 0 ? this.rules.length : at, 0, rule);
    this.custom = true;
    this.needsPorts ||= rule.needsPorts;
  }

  private find(table: FibTable, wanted: Route): Route | undefined {
    let route = table.first(wanted.prefix, wanted.length);
    while (route !== null && (route.tos !== wanted.tos || route.metric !== wanted.metric)) route = route.next;
    return route ?? undefined;
  }

  private table(id: number): FibTable {
    const known = this.tables.get(id);
    if (known !== undefined) return known;
    const made = new FibTable(id);
    this.tables.set(id, made);
    if (id === rtn.RT_TABLE_DEFAULT) this.fallback = made;
    return made;
  }

  private build(config: RouteConfig): Route {
    const type = config.type ?? rtn.RTN_UNICAST;
    const { prefix, length, nextHops } = config;
    if ((prefix & ~mask4(length)) !== 0) throw new RangeError(`Invalid prefix for given prefix length`);
    const scope = config.scope ?? defaultScope(type, nextHops);
    const source = config.source ?? 0;
    if (source !== 0 && this.addressType(source) !== rtn.RTN_LOCAL) throw new RangeError('Invalid prefsrc address');
    const rejects = TYPE_ERROR[type] !== 0;
    if (!rejects && nextHops.length === 0) throw new RangeError('Route lacks a gateway and a device');
    const hops = rejects ? [] : nextHops.map((hop) => this.nextHop(hop, scope));
    rebalance(hops);
    return {
      prefix,
      length,
      table: config.table ?? (isLocalType(type) ? rtn.RT_TABLE_LOCAL : rtn.RT_TABLE_MAIN),
      tos: config.tos ?? 0,
      metric: config.metric ?? 0,
      type,
      scope,
      source,
      mtu: config.mtu ?? 0,
      mtuLocked: config.mtuLocked ?? false,
      automatic: false,
      nextHops: hops,
      next: null,
    };
  }

  /** fib_check_nh: a gateway must be reached without another gateway. */
  private nextHop(config: NextHopConfig, scope: number): NextHop {
    const gateway = config.gateway ?? 0;
    const { onlink = false, weight = 1 } = config;
    const rest = { gateway, weight, onlink, dead: false, upperBound: -1 };
    if (gateway === 0) {
      if (config.dev === undefined) throw new RangeError('No such device');
      if (!config.dev.up) throw new RangeError('Network is down');
      return { ...rest, dev: config.dev, scope: scope >= rtn.RT_SCOPE_HOST ? rtn.RT_SCOPE_NOWHERE : rtn.RT_SCOPE_HOST };
    }
    if (scope >= rtn.RT_SCOPE_LINK) throw new RangeError('Nexthop has invalid scope');
    if (onlink) return { ...rest, dev: this.onlinkDevice(config), scope: rtn.RT_SCOPE_LINK };
    const { flow, gatewayResult: res } = this;
    flow.clear().dst = gateway;
    flow.oif = config.dev?.index ?? 0;
    flow.iif = this.ns.loopback.index;
    // A gateway in a prefix whose route has the same scope would need a gateway itself.
    flow.scope = Math.max(scope + 1, rtn.RT_SCOPE_LINK);
    if (this.lookup(flow, res) !== 0) throw new RangeError(`Nexthop has invalid gateway ${format4(gateway)}`);
    if (res.type !== rtn.RTN_UNICAST && res.type !== rtn.RTN_LOCAL) throw new RangeError('Nexthop has invalid gateway');
    const dev = res.hop!.dev!;
    if (!dev.up) throw new RangeError('Network is down');
    return { ...rest, dev, scope: res.scope };
  }

  private onlinkDevice({ dev, gateway }: NextHopConfig): Device {
    if (dev === undefined) throw new RangeError('Nexthop device required for onlink');
    if (this.addressType(gateway!) !== rtn.RTN_UNICAST) throw new RangeError('Nexthop has invalid gateway');
    if (!dev.up) throw new RangeError('Nexthop device is not up');
    return dev;
  }

  // ---- addresses and devices

  /** The routes that an address brings: fib_add_ifaddr. `primary` is the address whose subnet it shares, or itself. */
  addAddress(ifaddr: Ifaddr, primary: Ifaddr): void {
    const { dev, address, broadcast, prefixLength: length, secondary } = ifaddr;
    this.magic(rtn.RTN_LOCAL, address, 32, primary);
    if (!dev.up) return;
    if (broadcast !== 0 && broadcast !== LIMITED_BROADCAST) this.magic(rtn.RTN_BROADCAST, broadcast, 32, primary);
    const prefix = address & mask4(length);
    if (prefix === 0 || secondary || (prefix === address && length >= 32)) return;
    this.magic(dev.loopback ? rtn.RTN_LOCAL : rtn.RTN_UNICAST, prefix, length, primary);
    if (length < RESERVED_LENGTH) this.magic(rtn.RTN_BROADCAST, prefix | ~mask4(length), 32, primary);
  }

  /** Take away what an address brought: the routes that no other address of the namespace would bring as well. */
  removeAddress(ifaddr: Ifaddr, rest: readonly Ifaddr[]): void {
    for (const table of [this.local, this.main]) {
      for (const route of [...table.routes()]) {
        if (route.automatic && route.source === ifaddr.address && uses(route, ifaddr.dev)) table.remove(route);
      }
    }
    for (const other of rest) if (other.dev === ifaddr.dev) this.addAddress(other, other);
  }

  /** A device went down: routes through it are gone, but those to local addresses. fib_sync_down_dev and fib_flush. */
  deviceDown(dev: Device): void {
    for (const table of this.tables.values()) {
      for (const route of [...table.routes()]) {
        for (const hop of route.nextHops) {
          if (hop.dev === dev && hop.scope !== rtn.RT_SCOPE_NOWHERE) hop.dead = true;
        }
        if (route.nextHops.length > 0 && route.nextHops.every((hop) => hop.dead)) table.remove(route);
        else rebalance(route.nextHops);
      }
    }
  }

  /** A route `proto kernel`: fib_magic. One that is there stays as it is. */
  private magic(type: number, prefix: number, length: number, primary: Ifaddr): void {
    const table = type === rtn.RTN_UNICAST ? this.main : this.local;
    const local = type === rtn.RTN_LOCAL;
    const scope = local ? rtn.RT_SCOPE_NOWHERE : rtn.RT_SCOPE_HOST;
    const route: Route = {
      prefix,
      length,
      table: table.id,
      tos: 0,
      metric: 0,
      type,
      scope: local ? rtn.RT_SCOPE_HOST : rtn.RT_SCOPE_LINK,
      source: primary.address,
      mtu: 0,
      mtuLocked: false,
      automatic: true,
      nextHops: [{ dev: primary.dev, gateway: 0, weight: 1, scope, onlink: false, dead: false, upperBound: -1 }],
      next: null,
    };
    for (let other = table.first(prefix, length); other !== null; other = other.next) {
      if (other.type === type && other.source === route.source && uses(other, primary.dev)) return;
    }
    rebalance(route.nextHops);
    table.insert(route);
  }
}

/** A throw route ends the search of its table, where -EAGAIN of a prefix goes on with a shorter one. */
const THROWN = -1000;

function fill(res: FibResult, route: Route, hop: NextHop): void {
  res.type = route.type;
  res.scope = route.scope;
  res.prefix = route.prefix;
  res.length = route.length;
  res.table = route.table;
  res.route = route;
  res.hop = hop;
}

const isLocalType = (type: number): boolean => type === rtn.RTN_LOCAL || type === rtn.RTN_BROADCAST;

/** As the ip command fills it in. */
function defaultScope(type: number, hops: readonly NextHopConfig[]): number {
  if (type === rtn.RTN_LOCAL) return rtn.RT_SCOPE_HOST;
  if (type === rtn.RTN_BROADCAST || type === rtn.RTN_MULTICAST || type === rtn.RTN_ANYCAST) return rtn.RT_SCOPE_LINK;
  const viaGateway = hops.length > 1 || hops.some((hop) => (hop.gateway ?? 0) !== 0);
  return type === rtn.RTN_UNICAST && !viaGateway ? rtn.RT_SCOPE_LINK : rtn.RT_SCOPE_UNIVERSE;
}
