/**
 * A description to namespaces, in the order in which a kernel would be told: settings, devices, addresses, bridge ports,
 * neighbours, routes, rules, forwarding entries, listeners. Rule texts are loaded by {@link Lab} afterwards. @module
 */
import { brNetfilter } from '../bridge/br-netfilter.ts';
import { Bridge } from '../bridge/bridge.ts';
import { Conntrack } from '../conntrack/conntrack.ts';
import type { Device, DeviceConfig } from '../net/device.ts';
import { OUTPUT } from '../net/hook.ts';
import { Netns, type World } from '../net/netns.ts';
import { vethPair } from '../net/veth.ts';
import { PortDevice } from '../net/wire.ts';
import { LOG_DEFAULT } from '../netfilter/log-flags.ts';
import { logPacket } from '../netfilter/log-packet.ts';
import { Netfilter, type NetfilterOptions } from '../netfilter/netfilter.ts';
import { Vxlan } from '../overlay/vxlan.ts';
import { parse4, parseMac } from '../packet/address.ts';
import type { Packet } from '../packet/packet.ts';
import { BASELINE, GLOBAL_BASELINE } from './baseline.ts';
import { given } from './given.ts';
import {
  addAddress6,
  addNeighbour6,
  enableIpv6,
  ipv6Of,
  isIpv6,
  isRoute6,
  isRule6,
  route6Config,
  rule6Config,
} from './ipv6.ts';
import { bridgeConfig, DEFAULT_MTU, portOptions, setForwarding, vxlanConfig } from './links.ts';
import { routeConfig, ruleConfig } from './routes.ts';
import { inside, LabError, type Place, parsePrefix } from './shape.ts';
import { makeIpip, makePlain, makeStacked } from './stacked.ts';
import type { Link, NamespaceConfig, Topology, VethLink } from './topology.ts';
import { bridgeVlans, setVlans } from './vlans.ts';

const IPPROTO = { tcp: 6, udp: 17 } as const;

/** One namespace of a lab. */
export interface LabNamespace {
  readonly ns: Netns;
  readonly conntrack: Conntrack;
  readonly netfilter: Netfilter;
}

/** Builds the namespaces of one description. */
export class Builder {
  readonly namespaces: Map<string, LabNamespace> = new Map();
  readonly ports: Map<string, PortDevice> = new Map();
  /** What was left out, one line each. */
  readonly warnings: string[] = [];
  private readonly topology: Topology;
  private readonly world: World;
  private readonly rules: NetfilterOptions;
  private readonly whole: Place;
  private macs = 0;

  constructor(topology: Topology, file: string, world: World, rules: NetfilterOptions) {
    this.topology = topology;
    this.rules = rules;
    this.world = world;
    this.whole = { file, path: '' };
  }

  /** @throws {LabError} for what a kernel would refuse, or what is not emulated */
  build(): void {
    const configs = Object.entries(this.topology.namespaces);
    for (const [name, config] of configs) this.makeNamespace(name, config);
    for (const [name, config] of configs) {
      this.each(config.links, inside(this.place(name), 'links'), (link, here) => this.makeDevice(name, link, here));
    }
    for (const [name, config] of configs) this.addAddresses(name, config);
    for (const [name, config] of configs) this.addPorts(name, config);
    for (const [name, config] of configs) this.configure(name, config);
  }

  private place(ns: string): Place {
    return inside(inside(this.whole, 'namespaces'), ns);
  }

  private netns(name: string): Netns {
    return this.namespaces.get(name)!.ns;
  }

  private device(ns: string, name: string): Device {
    return this.netns(ns).device(name)!;
  }

  private makeNamespace(name: string, config: NamespaceConfig): void {
    const ns = new Netns(name, this.world);
    if (config.ipv6 === true) enableIpv6(ns);
    brNetfilter(ns);
    const conntrack = new Conntrack(ns);
    const { log } = this.rules;
    if (log) conntrack.onInvalid = (pkt, prefix, hook) => log(invalidLine(ns, pkt, prefix, hook));
    this.namespaces.set(name, { ns, conntrack, netfilter: new Netfilter(ns, conntrack, this.rules) });
    for (const [key, value] of Object.entries({ ...BASELINE, ...GLOBAL_BASELINE })) {
      if (ns.sysctl.has(key)) ns.sysctl.set(key, value);
    }
    const at = inside(this.place(name), 'sysctls');
    this.set(ns, this.topology.global_sysctls ?? {}, inside(this.whole, 'global_sysctls'));
    const general = Object.entries(config.sysctls ?? {}).filter(([key]) => !ofDevice(key));
    this.set(ns, Object.fromEntries(general), at);
  }

  private set(ns: Netns, settings: Readonly<Record<string, number | string>>, at: Place): void {
    for (const [key, value] of Object.entries(settings)) {
      const here = inside(at, key);
      const device = ofDevice(key);
      if (device !== undefined && ns.device(device) === undefined) {
        throw new LabError(here.file, here.path, `unknown device ${JSON.stringify(device)}`);
      }
      const number = Number(value);
      if (!Number.isInteger(number))
        throw new LabError(here.file, here.path, `found ${value}, expected a whole number`);
      if (ns.sysctl.has(key)) ns.sysctl.set(key, number);
      else this.leaveOut(`${here.file}: ${here.path}: not emulated, left out`);
    }
  }

  private leaveOut(what: string): void {
    if (!this.warnings.includes(what)) this.warnings.push(what);
  }

  private makeDevice(name: string, link: Link, here: Place): void {
    const ns = this.netns(name);
    if (link.name === 'lo' || ns.device(link.name) !== undefined) return;
    switch (link.type) {
      case 'port':
        this.ports.set(link.port, new PortDevice(ns, this.config(link)));
        break;
      case 'veth':
        this.makeVeth(name, link);
        break;
      case 'bridge':
        new Bridge(ns, { ...bridgeConfig(link), ...given('vlans', bridgeVlans(link)) });
        break;
      case 'vxlan':
        new Vxlan(
          ns,
          vxlanConfig(link, this.mac(link), (device) => this.device(name, device)),
        );
        break;
      case 'ipip':
        makeIpip(ns, link);
        break;
      case 'dummy':
      case 'tap':
        makePlain(ns, link, this.mac(link));
        break;
      case 'lo':
        break;
      default:
        makeStacked(ns, link, this.mac(link), (place, device) => this.netns(place).device(device), here);
    }
  }

  /** Both ends at once, as `ip link add` does: so the other end has its place in its namespace's order. */
  private makeVeth(ns: string, link: VethLink): void {
    const [peerNs, peerName] = link.peer;
    const peer = this.topology.namespaces[peerNs]!.links.find((other) => other.name === peerName)!;
    vethPair(this.netns(ns), this.config(link), this.netns(peerNs), this.config(peer));
  }

  private config(link: Link): DeviceConfig {
    return { name: link.name, mac: this.mac(link), mtu: link.mtu ?? DEFAULT_MTU };
  }

  /** The given address, or one that is locally administered and not given to another. */
  private mac(link: Link): Uint8Array {
    if (link.mac !== undefined) return parseMac(link.mac)!;
    const n = ++this.macs;
    return Uint8Array.of(0x02, 0x70, 0x77, (n >> 16) & 255, (n >> 8) & 255, n & 255);
  }

  private addAddresses(ns: string, config: NamespaceConfig): void {
    const netns = this.netns(ns);
    this.each(config.links, inside(this.place(ns), 'links'), (link) => {
      const device = this.device(ns, link.name);
      device.up = link.up ?? true;
      for (const text of link.addrs ?? []) this.addAddress(netns, device, text);
    });
  }

  private addAddress(ns: Netns, device: Device, text: string): void {
    if (isIpv6(text)) addAddress6(ns, device, text);
    else {
      const { address, length } = parsePrefix(text)!;
      ns.addresses.add(device, address, length);
    }
  }

  private addPorts(ns: string, config: NamespaceConfig): void {
    this.each(config.links, inside(this.place(ns), 'links'), (link, here) => {
      if (link.master === undefined) return;
      const bridge = this.device(ns, link.master);
      if (!(bridge instanceof Bridge)) {
        throw new LabError(here.file, `${here.path}.master`, `${link.master} is no bridge`);
      }
      bridge.addPort(this.device(ns, link.name), portOptions(link));
    });
    this.each(config.links, inside(this.place(ns), 'links'), (link, here) => {
      setVlans(link, this.device(ns, link.name), here);
    });
  }

  private configure(ns: string, config: NamespaceConfig): void {
    const netns = this.netns(ns);
    const at = this.place(ns);
    for (const link of config.links) {
      const key = `net.ipv4.neigh.${link.name}.proxy_delay`;
      if (link.type !== 'lo' && netns.sysctl.has(key)) netns.sysctl.set(key, 0);
    }
    this.set(netns, config.sysctls ?? {}, inside(at, 'sysctls'));
    this.each(config.neigh, inside(at, 'neigh'), (entry) => {
      const device = this.device(ns, entry.dev);
      if (isIpv6(entry.ip)) addNeighbour6(netns, device, entry);
      else if (entry.proxy === true) netns.neigh.addProxy(device, parse4(entry.ip)!);
      else netns.neigh.add(device, parse4(entry.ip)!, parseMac(entry.mac!)!, entry.state ?? 'permanent');
    });
    this.each(config.routes, inside(at, 'routes'), (route, here) => {
      const device = (name: string): Device => this.device(ns, name);
      if (isRoute6(route)) ipv6Of(netns).fib.addRoute(route6Config(route, device, here));
      else netns.fib.addRoute(routeConfig(route, device, here));
    });
    this.each(config.rules, inside(at, 'rules'), (rule, here) => {
      if (isRule6(rule)) ipv6Of(netns).fib.addRule(rule6Config(rule, here));
      else netns.fib.addRule(ruleConfig(rule, here));
    });
    this.each(config.fdb, inside(at, 'fdb'), (entry, here) => {
      setForwarding(entry, (name) => this.device(ns, name), here);
    });
    for (const { proto, port, addr } of config.listen ?? []) {
      netns.sockets.listen(IPPROTO[proto], port, addr === undefined ? 0 : parse4(addr)!);
    }
  }

  /** Do something with each entry of a list; what the namespace refuses is told with the entry's place. */
  private each<T>(list: readonly T[] | undefined, at: Place, add: (entry: T, here: Place) => void): void {
    (list ?? []).forEach((entry, i) => {
      const here = inside(at, i);
      try {
        add(entry, here);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        throw new LabError(here.file, here.path, error.message);
      }
    });
  }
}

/** A packet that conntrack calls INVALID, as nf_conntrack_log_invalid prints it. */
function invalidLine(ns: Netns, pkt: Packet, prefix: string, hook: number): string {
  const sent = hook === OUTPUT;
  const [iif, oif] = sent ? [0, pkt.oif] : [pkt.iif, 0];
  return logPacket(prefix, pkt, ns.devices[iif]!, ns.devices[oif]!, LOG_DEFAULT);
}

/** The device that a setting belongs to (`net.ipv4.conf.eth0.rp_filter`), or undefined. */
function ofDevice(key: string): string | undefined {
  const name = /^net\.ipv[46]\.(?:conf|neigh)\.(.+)\.[^.]+$/.exec(key)?.[1];
  return name === 'all' || name === 'default' ? undefined : name;
}
