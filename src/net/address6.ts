/**
 * The IPv6 addresses of a namespace's devices, the groups and anycast addresses that come with them, and the choice of a
 * source among them. net/ipv6/addrconf.c, mcast.c, anycast.c; RFC 6724. @module
 */
import { ADDR_GEN_MODE, FORWARDING } from './dev-conf6.ts';
import type { Device } from './device.ts';
import {
  ALL_NODES,
  ALL_ROUTERS,
  ANY,
  commonBits,
  equalIn6,
  type In6,
  in6,
  isAny,
  isLinkLocal,
  isMulticast,
  labelOf,
  maskIn6,
  scopeOf,
  solicitedNode,
} from './in6.ts';
import type { Ipv6 } from './ip6.ts';

/** struct inet6_ifaddr. */
export interface Ifaddr6 {
  readonly address: In6;
  readonly prefixLength: number;
  readonly dev: Device;
  /** SCOPE_*. */
  readonly scope: number;
}

/** IN6_ADDR_GEN_MODE_EUI64. */
const EUI64 = 0;
/** Subnets of two addresses have no router anycast address, RFC 6164. */
const LONGEST_ANYCAST = 127;
const INTERFACE_ALL_NODES = in6([0xff010000 | 0, 0, 0, 1]);
/** Joined when a host becomes a router, beside the link's. */
const OTHER_ROUTERS = [in6([0xff010000 | 0, 0, 0, 2]), in6([0xff050000 | 0, 0, 0, 2])];

/** What a device has. */
class Inet6Dev {
  /** In the kernel's order: wide scopes first, the youngest first among equals. */
  addresses: readonly Ifaddr6[] = [];
  /** With how many times each was joined. */
  readonly groups: { address: In6; users: number }[] = [];
  readonly anycasts: { address: In6; users: number }[] = [];
}

const NONE: readonly Ifaddr6[] = [];

/** Members of a counted list. */
function join(list: { address: In6; users: number }[], address: In6): boolean {
  const known = list.find((entry) => equalIn6(entry.address, address));
  if (known === undefined) list.push({ address: address.slice(), users: 1 });
  else known.users++;
  return known === undefined;
}

function leave(list: { address: In6; users: number }[], address: In6): boolean {
  const at = list.findIndex((entry) => equalIn6(entry.address, address));
  if (at < 0 || --list[at]!.users > 0) return false;
  list.splice(at, 1);
  return true;
}

const includes = (list: readonly { readonly address: In6 }[] | undefined, address: In6): boolean => {
  if (list === undefined) return false;
  for (let i = 0; i < list.length; i++) if (equalIn6(list[i]!.address, address)) return true;
  return false;
};

/** The IPv6 addresses and groups of one namespace, by device. */
export class Addresses6 {
  private readonly ip6: Ipv6;
  /** By ifindex. */
  private readonly byDevice: Inet6Dev[] = [];
  private readonly group: In6 = in6();
  private readonly target = new Target();

  constructor(ip6: Ipv6) {
    this.ip6 = ip6;
  }

  // ---- devices

  /** A device speaks IPv6 from now on: ipv6_add_dev, addrconf_dev_config. */
  addDevice(dev: Device): void {
    if (this.byDevice[dev.index] !== undefined) return;
    const own = new Inet6Dev();
    this.byDevice[dev.index] = own;
    join(own.groups, INTERFACE_ALL_NODES);
    join(own.groups, ALL_NODES);
    if (this.ip6.conf.get(dev, FORWARDING) !== 0 && !dev.loopback) join(own.groups, ALL_ROUTERS);
    if (dev.loopback) this.add(dev, in6([0, 0, 0, 1]), 128);
    else {
      this.ip6.fib.addMulticast(dev);
      if (this.ip6.conf.get(dev, ADDR_GEN_MODE) === EUI64) this.addLinkLocal(dev);
    }
  }

  /** The device is up now: bring the routes of its addresses. */
  deviceUp(dev: Device): void {
    if (!this.isEnabled(dev)) return;
    for (const ifaddr of this.of(dev)) this.ip6.fib.addAddress(ifaddr);
    if (!dev.loopback) this.ip6.fib.addMulticast(dev);
  }

  /** disable_ipv6: nothing is left. addrconf_ifdown. */
  removeDevice(dev: Device): void {
    for (const ifaddr of this.of(dev)) this.remove(ifaddr);
    this.ip6.fib.deviceDown(dev);
    delete this.byDevice[dev.index];
  }

  /** fe80::/64 with the MAC as an interface identifier: addrconf_ifid_eui48. */
  private addLinkLocal(dev: Device): void {
    const { mac } = dev;
    const high = ((mac[0]! ^ 2) << 24) | (mac[1]! << 16) | (mac[2]! << 8) | 0xff;
    const low = 0xfe000000 | (mac[3]! << 16) | (mac[4]! << 8) | mac[5]!;
    this.add(dev, in6([0xfe800000 | 0, 0, high, low]), 64);
  }

  /** The device became a router, or ceased to be one: dev_forward_change. */
  changeForwarding(dev: Device, on: boolean): void {
    const own = this.byDevice[dev.index];
    if (own === undefined) return;
    if (!dev.loopback) for (const group of [ALL_ROUTERS, ...OTHER_ROUTERS]) (on ? join : leave)(own.groups, group);
    for (const ifaddr of own.addresses) this.changeAnycast(ifaddr, on);
  }

  // ---- addresses

  /** `ip addr add ... nodad`. @throws {RangeError} when the device has it already */
  add(dev: Device, address: In6, prefixLength: number): Ifaddr6 {
    const own = this.byDevice[dev.index];
    if (own === undefined) throw new RangeError('IPv6 is disabled on this device.');
    if (includes(own.addresses, address)) throw new RangeError('address already assigned');
    const ifaddr: Ifaddr6 = { address, prefixLength, dev, scope: scopeOf(address) };
    const list = [...own.addresses];
    const at = list.findIndex((other) => ifaddr.scope >= other.scope);
    list.splice(at < 0 ? list.length : at, 0, ifaddr);
    own.addresses = list;
    if (!dev.loopback) join(own.groups, solicitedNode(address, this.group));
    this.ip6.fib.addAddress(ifaddr);
    if (this.ip6.conf.get(dev, FORWARDING) !== 0) this.changeAnycast(ifaddr, true);
    return ifaddr;
  }

  /** `ip addr del`. */
  remove(ifaddr: Ifaddr6): void {
    const own = this.byDevice[ifaddr.dev.index]!;
    if (this.ip6.conf.get(ifaddr.dev, FORWARDING) !== 0) this.changeAnycast(ifaddr, false);
    own.addresses = own.addresses.filter((other) => other !== ifaddr);
    leave(own.groups, solicitedNode(ifaddr.address, this.group));
    this.ip6.fib.removeAddress(ifaddr, own.addresses);
  }

  /** The subnet's router anycast address: addrconf_join_anycast, addrconf_leave_anycast. */
  private changeAnycast({ address, prefixLength, dev }: Ifaddr6, on: boolean): void {
    if (prefixLength >= LONGEST_ANYCAST) return;
    const subnet = maskIn6(address, prefixLength);
    if (isAny(subnet)) return;
    const own = this.byDevice[dev.index]!;
    if (!(on ? join : leave)(own.anycasts, subnet)) return;
    (on ? join : leave)(own.groups, solicitedNode(subnet, this.group));
    if (on) this.ip6.fib.addAnycast(subnet, dev);
    else this.ip6.fib.removeAnycast(subnet, dev);
  }

  /** Hear who asks the link for an address. */
  joinSolicitedNode(dev: Device, address: In6): void {
    const own = this.byDevice[dev.index];
    if (own !== undefined) join(own.groups, solicitedNode(address, this.group));
  }

  // ---- questions

  /** Does the device speak IPv6? */
  isEnabled(dev: Device): boolean {
    return this.byDevice[dev.index] !== undefined;
  }

  /** A device's addresses, in the order in which the kernel asks them. */
  of(dev: Device): readonly Ifaddr6[] {
    return this.byDevice[dev.index]?.addresses ?? NONE;
  }

  /** All addresses, by device. */
  list(): readonly Ifaddr6[] {
    return this.byDevice.flatMap(({ addresses }) => addresses);
  }

  /** Is it an address of the device? ipv6_chk_addr with the device's own. Runs per packet: no allocation. */
  hasOn(dev: Device, address: In6): boolean {
    return includes(this.byDevice[dev.index]?.addresses, address);
  }

  /** Is it an address of this host, seen from the device? A link-local one counts on its own link alone. */
  has(dev: Device, address: In6): boolean {
    if (isLinkLocal(address[0]!)) return this.hasOn(dev, address);
    for (let i = 1; i < this.byDevice.length; i++) if (includes(this.byDevice[i]?.addresses, address)) return true;
    return false;
  }

  /** The first device with an address, or null. */
  deviceOf(address: In6): Device | null {
    return this.list().find((ifaddr) => equalIn6(ifaddr.address, address))?.dev ?? null;
  }

  /** Is the device in the group? ipv6_chk_mcast_addr. */
  isMember(dev: Device, group: In6): boolean {
    return includes(this.byDevice[dev.index]?.groups, group);
  }

  /** ipv6_chk_acast_addr on one device. */
  isAnycastOn(dev: Device, address: In6): boolean {
    return includes(this.byDevice[dev.index]?.anycasts, address);
  }

  /** ipv6_chk_acast_addr_src: an anycast address of this host; a link-local one only on its link. */
  isAnycast(dev: Device, address: In6): boolean {
    if (isLinkLocal(address[0]!)) return this.isAnycastOn(dev, address);
    for (let i = 1; i < this.byDevice.length; i++) if (includes(this.byDevice[i]?.anycasts, address)) return true;
    return false;
  }

  /** ipv6_get_lladdr: the link-local address of a device, or null. */
  linkLocal(dev: Device): In6 | null {
    const list = this.of(dev);
    for (let i = 0; i < list.length; i++) if (isLinkLocal(list[i]!.address[0]!)) return list[i]!.address;
    return null;
  }

  /**
   * ipv6_dev_get_saddr: the source for `dst`, when the packet leaves by `dev` (null: not known).
   * @returns null when there is none
   */
  select(dev: Device | null, dst: In6): In6 | null {
    const near = isMulticast(dst[0]!) || isLinkLocal(dst[0]!);
    let best: Ifaddr6 | null = null;
    const target = this.target.aim(dev, dst);
    for (let i = 1; i < this.byDevice.length; i++) {
      if (near && dev !== null && i !== dev.index) continue;
      const list = this.byDevice[i]?.addresses ?? NONE;
      for (let j = 0; j < list.length; j++) {
        const candidate = list[j]!;
        if (isMulticast(candidate.address[0]!)) continue;
        if (best === null || target.prefers(candidate, best)) best = candidate;
      }
    }
    return best === null ? null : best.address;
  }
}

/** Source address selection: what is asked of candidates, one rule after the other. ipv6_get_saddr_eval. */
class Target {
  private dev: Device | null = null;
  private dst: In6 = ANY;
  private scope = 0;
  private label = 0;

  /** Ask about this destination from now on. */
  aim(dev: Device | null, dst: In6): this {
    this.dev = dev;
    this.dst = dst;
    this.scope = scopeOf(dst);
    this.label = labelOf(dst);
    return this;
  }

  /** Is `a` strictly better than `b`? */
  prefers(a: Ifaddr6, b: Ifaddr6): boolean {
    for (let rule = 0; rule < 5; rule++) {
      const difference = this.score(rule, a) - this.score(rule, b);
      if (difference !== 0) return difference > 0;
    }
    return false;
  }

  private score(rule: number, { address, prefixLength, dev, scope }: Ifaddr6): number {
    switch (rule) {
      case 0:
        return Number(equalIn6(address, this.dst));
      case 1:
        // The smallest scope that reaches; among those that do not, the greatest.
        return scope >= this.scope ? -scope : scope - 128;
      case 2:
        return Number(this.dev === null || this.dev === dev);
      case 3:
        return Number(labelOf(address) === this.label);
      default:
        return Math.min(commonBits(address, this.dst), prefixLength);
    }
  }
}
