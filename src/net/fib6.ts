/**
 * The forwarding information base of IPv6: tables, the rules that choose among them, and the routes that addresses bring.
 * net/ipv6/ip6_fib.c, route.c, fib6_rules.c. @module
 */
import type { Ifaddr6 } from './address6.ts';
import type { Device } from './device.ts';
import { EACCES, EAGAIN, EHOSTUNREACH, EINVAL, ENETUNREACH } from './errno.ts';
import type { NextHopConfig } from './fib-config.ts';
import { rebalance } from './fib-route.ts';
import { type NextHop6, type Route6, type Route6Config, type Rule6Config, uses6 } from './fib6-config.ts';
import { Fib6Rule } from './fib6-rule.ts';
import { Fib6Table } from './fib6-table.ts';
import type { Flow6 } from './flow6.ts';
import { equalIn6, type In6, in6, isLinkLocal, maskIn6 } from './in6.ts';
import type { Ipv6 } from './ip6.ts';
import * as rtn from './rtn.ts';

/** What a lookup found: struct fib6_result. */
export class Fib6Result {
  route: Route6 | null = null;
  hop: NextHop6 | null = null;
}

/** IP6_RT_PRIO_ADDRCONF of routes to links, and of those that somebody configured. */
const METRIC_KERNEL = 256;
const METRIC_USER = 1024;
const MULTICAST = in6([0xff000000 | 0, 0, 0, 0]);
const UNSPECIFIED = in6();

const RULE_ERROR = { table: 0, blackhole: -EINVAL, unreachable: -ENETUNREACH, prohibit: -EACCES } as const;
/** ip6_rt_type_to_error: what a lookup that ends at a route of this type gives. */
const TYPE_ERROR = [-EINVAL, 0, 0, 0, 0, 0, -EINVAL, -EHOSTUNREACH, -EACCES, -EAGAIN] as const;

const STANDARD: readonly Rule6Config[] = [
  { preference: 0, table: rtn.RT_TABLE_LOCAL },
  { preference: 32766, table: rtn.RT_TABLE_MAIN },
];

/** Rules and tables of IPv6 of one namespace. */
export class Fib6 {
  readonly rules: Fib6Rule[] = STANDARD.map((rule) => new Fib6Rule(rule));
  /** Gateways by number, as packets carry them; 0 is none. */
  readonly gateways: In6[] = [UNSPECIFIED];
  private readonly ip6: Ipv6;
  private readonly tables = new Map<number, Fib6Table>();
  private readonly local = new Fib6Table();
  private readonly main = new Fib6Table();
  private readonly deviceIndex = (name: string): number => this.ip6.ns.device(name)?.index ?? -1;

  constructor(ip6: Ipv6) {
    this.ip6 = ip6;
    this.tables.set(rtn.RT_TABLE_LOCAL, this.local);
    this.tables.set(rtn.RT_TABLE_MAIN, this.main);
  }

  // ---- lookup

  /**
   * fib6_rule_lookup. Routes by the device `oif` (0: any) are preferred, with `strict` demanded.
   * @returns 0 with the result in `res`, or a negative errno. Runs per packet: no allocation.
   */
  lookup(flow: Flow6, oif: number, strict: boolean, res: Fib6Result): number {
    for (let i = 0; i < this.rules.length; i++) {
      const rule = this.rules[i]!;
      if (!rule.matches(flow, this.deviceIndex)) continue;
      if (rule.action !== 'table') return RULE_ERROR[rule.action];
      const table = this.tables.get(rule.table);
      if (table === undefined || !this.lookupIn(table, flow, oif, strict, res)) continue;
      const error = TYPE_ERROR[res.route!.type]!;
      if (error === -EAGAIN) continue;
      if (error === 0 && res.route!.length <= rule.suppressPrefixLength) continue;
      return error;
    }
    return -ENETUNREACH;
  }

  /** fib6_table_lookup: from the longest prefix on, the first that has a route which will do. */
  private lookupIn(table: Fib6Table, flow: Flow6, oif: number, strict: boolean, res: Fib6Result): boolean {
    const { lengths } = table;
    for (let i = 0; i < lengths.length; i++) {
      const first = table.first(flow.dst, lengths[i]!);
      if (first !== null && this.choose(first, oif, strict, res)) return true;
    }
    return false;
  }

  /** rt6_select: of the routes with the first one's metric the first that scores best; else of the others. */
  private choose(first: Route6, oif: number, strict: boolean, res: Fib6Result): boolean {
    res.route = null;
    let score = -1;
    for (let route: Route6 | null = first; route !== null; route = route.next) {
      if (route.metric !== first.metric && res.route !== null) break;
      for (let i = 0; i < route.nextHops.length; i++) {
        const hop = route.nextHops[i]!;
        if (hop.dead) continue;
        const fits = oif === 0 || hop.dev!.index === oif;
        if ((!fits && strict) || Number(fits) <= score) continue;
        score = Number(fits);
        res.route = route;
        res.hop = hop;
      }
    }
    return res.route !== null;
  }

  // ---- routes

  /** `ip -6 route add`. @throws {RangeError} with the kernel's words when it refuses */
  addRoute(config: Route6Config): Route6 {
    const type = config.type ?? rtn.RTN_UNICAST;
    const rejects = TYPE_ERROR[type] !== 0;
    const { prefix, length } = config;
    if (!equalIn6(maskIn6(prefix, length), prefix)) throw new RangeError('Invalid prefix for given prefix length');
    if (!rejects && config.nextHops.length === 0) throw new RangeError('No such device');
    const hops = rejects ? [this.hopTo(this.ip6.ns.loopback)] : config.nextHops.map((hop) => this.nextHop(hop));
    rebalance(hops);
    const table = config.table ?? (type === rtn.RTN_LOCAL ? rtn.RT_TABLE_LOCAL : rtn.RT_TABLE_MAIN);
    const metric = config.metric ?? METRIC_USER;
    const same = this.table(table).first(prefix, length);
    for (let other = same; other !== null; other = other.next) {
      if (other.metric === metric && !config.append) throw new RangeError('File exists');
    }
    return this.insert({
      prefix,
      length,
      table,
      metric,
      type,
      source: config.source ?? null,
      mtu: config.mtu ?? 0,
      nextHops: hops,
      automatic: false,
      next: null,
    });
  }

  removeRoute(route: Route6): void {
    this.table(route.table).remove(route);
  }

  *routes(table: number): Generator<Route6> {
    yield* this.table(table).routes();
  }

  /** `ip -6 rule add`: behind those of the same preference. */
  addRule(config: Rule6Config): void {
    const rule = new Fib6Rule(config);
    const at = this.rules.findIndex(({ preference }) => preference > rule.preference);
    this.rules.splice(at < 0 ? this.rules.length : at, 0, rule);
  }

  private insert(route: Route6): Route6 {
    this.table(route.table).insert(route);
    return route;
  }

  private table(id: number): Fib6Table {
    const known = this.tables.get(id);
    if (known !== undefined) return known;
    const made = new Fib6Table();
    this.tables.set(id, made);
    return made;
  }

  private hopTo(dev: Device, gateway = 0, weight = 1): NextHop6 {
    return { dev, gateway, weight, dead: false, upperBound: -1 };
  }

  /** fib6_nh_init, ip6_route_check_nh: a gateway is link-local and on the device, or reached without another gateway. */
  private nextHop({ gateway, dev, weight, onlink }: NextHopConfig<In6>): NextHop6 {
    if (gateway === undefined) {
      if (dev === undefined) throw new RangeError('No such device');
      return this.hopTo(dev, 0, weight);
    }
    if (isLinkLocal(gateway[0]!) || onlink === true) {
      if (dev === undefined) throw new RangeError('Device must be specified for a link-local gateway');
      return this.hopTo(dev, this.gatewayNumber(gateway), weight);
    }
    const out = dev ?? this.ip6.deviceTo(gateway);
    if (out === null) throw new RangeError('Nexthop has invalid gateway');
    return this.hopTo(out, this.gatewayNumber(gateway), weight);
  }

  /** The number by which a packet knows a next hop. */
  gatewayNumber(gateway: In6): number {
    const at = this.gateways.findIndex((other, i) => i > 0 && equalIn6(other, gateway));
    return at > 0 ? at : this.gateways.push(gateway) - 1;
  }

  // ---- addresses and devices

  private automatic(type: number, prefix: In6, length: number, dev: Device, metric: number): void {
    const table = type === rtn.RTN_UNICAST ? rtn.RT_TABLE_MAIN : rtn.RT_TABLE_LOCAL;
    for (let other = this.table(table).first(prefix, length); other !== null; other = other.next) {
      if (other.automatic && other.type === type && uses6(other, dev)) return;
    }
    const nextHops = [this.hopTo(dev)];
    this.insert({ prefix, length, table, metric, type, source: null, mtu: 0, nextHops, automatic: true, next: null });
  }

  private removeAutomatic(type: number, prefix: In6, length: number, dev: Device): void {
    const table = type === rtn.RTN_UNICAST ? this.main : this.local;
    for (let other = table.first(prefix, length); other !== null; other = other.next) {
      if (other.automatic && other.type === type && uses6(other, dev)) table.remove(other);
    }
  }

  /** The routes that an address brings: to itself, and to its subnet. */
  addAddress({ address, prefixLength, dev }: Ifaddr6): void {
    this.automatic(rtn.RTN_LOCAL, address, 128, dev, 0);
    if (!dev.up) return;
    if (prefixLength < 128 || dev.loopback) {
      this.automatic(rtn.RTN_UNICAST, maskIn6(address, prefixLength), prefixLength, dev, METRIC_KERNEL);
    } else this.automatic(rtn.RTN_UNICAST, address, 128, dev, METRIC_KERNEL);
  }

  /** The subnet's route stays while another address of the device has it. */
  removeAddress({ address, prefixLength, dev }: Ifaddr6, rest: readonly Ifaddr6[]): void {
    this.removeAutomatic(rtn.RTN_LOCAL, address, 128, dev);
    const subnet = maskIn6(address, prefixLength);
    const shared = rest.some(
      (other) => other.prefixLength === prefixLength && equalIn6(maskIn6(other.address, prefixLength), subnet),
    );
    if (!shared) this.removeAutomatic(rtn.RTN_UNICAST, subnet, prefixLength, dev);
  }

  addAnycast(subnet: In6, dev: Device): void {
    this.automatic(rtn.RTN_ANYCAST, subnet, 128, dev, 0);
  }

  removeAnycast(subnet: In6, dev: Device): void {
    this.removeAutomatic(rtn.RTN_ANYCAST, subnet, 128, dev);
  }

  /** ff00::/8 by a device: addrconf_add_mroute. */
  addMulticast(dev: Device): void {
    this.automatic(rtn.RTN_MULTICAST, MULTICAST, 8, dev, METRIC_KERNEL);
  }

  /** Routes by a device that went down are gone: fib6_ifdown. */
  deviceDown(dev: Device): void {
    for (const table of this.tables.values()) {
      for (const route of [...table.routes()]) {
        for (const hop of route.nextHops) if (hop.dev === dev) hop.dead = true;
        if (route.nextHops.every((hop) => hop.dead)) table.remove(route);
        else rebalance(route.nextHops);
      }
    }
  }
}
