/** The IPv4 addresses of a namespace's devices, and the choice of a source among them. net/ipv4/devinet.c. @module */
import { mask4 } from '../packet/address.ts';
import { ROUTE_LOCALNET } from './dev-conf.ts';
import type { Device } from './device.ts';
import type { Netns } from './netns.ts';
import { RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE } from './rtn.ts';

/** struct in_ifaddr. Addresses are int32. */
export interface Ifaddr {
  readonly address: number;
  readonly prefixLength: number;
  /** 0 for none. */
  readonly broadcast: number;
  readonly dev: Device;
  readonly scope: number;
  /** Another address of the same subnet was there before. */
  readonly secondary: boolean;
}

/** What `ip addr add` may say beside the address. */
export interface AddressOptions {
  /** int32; 0 for none. Default: all host bits one, none for a /32. */
  readonly broadcast?: number;
  /** RT_SCOPE_*, default universe, or host for 127/8. */
  readonly scope?: number;
}

/** inet_ifa_match: is an address in the subnet of another? */
const inSubnet = (address: number, ifaddr: Ifaddr): boolean =>
  ((address ^ ifaddr.address) & mask4(ifaddr.prefixLength)) === 0;

const isLoopback = (address: number): boolean => address >>> 24 === 127;

/** The IPv4 addresses of one namespace, by device. */
export class Addresses {
  private readonly ns: Netns;
  /** By ifindex, in the kernel's order. */
  private readonly byDevice: Ifaddr[][] = [];
  private readonly owners = new Map<number, Ifaddr>();

  constructor(ns: Netns) {
    this.ns = ns;
  }

  /** All addresses, by device. */
  list(): readonly Ifaddr[] {
    return this.byDevice.flat();
  }

  /** A device's addresses, in the order in which the kernel asks them. */
  of(dev: Device): readonly Ifaddr[] {
    return this.byDevice[dev.index] ?? NONE;
  }

  /** `ip addr add`: inet_insert_ifa. @throws {RangeError} when the device has it already */
  add(dev: Device, address: number, prefixLength: number, options: AddressOptions = {}): Ifaddr {
    this.byDevice[dev.index] ??= [];
    const list = this.byDevice[dev.index]!;
    const primary = list.find((other) => other.prefixLength === prefixLength && inSubnet(address, other));
    if (list.some((other) => other.prefixLength === prefixLength && other.address === address)) {
      throw new RangeError('File exists');
    }
    const ifaddr: Ifaddr = {
      address,
      prefixLength,
      // `ip addr add ... brd +` gives none where there is no room for one (RFC 3021).
      broadcast: options.broadcast ?? (prefixLength > 30 ? 0 : address | ~mask4(prefixLength)),
      dev,
      scope: options.scope ?? (isLoopback(address) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE),
      secondary: primary !== undefined,
    };
    list.splice(ifaddr.secondary ? list.length : placeOfPrimary(list, ifaddr.scope), 0, ifaddr);
    if (!this.owners.has(address)) this.owners.set(address, ifaddr);
    this.ns.fib.addAddress(ifaddr, primary ?? ifaddr);
    dev.addressChanged(address, true);
    return ifaddr;
  }

  /** `ip addr del`; with a primary address go the secondary ones of its subnet (promote_secondaries is off). */
  remove(ifaddr: Ifaddr): void {
    const list = this.byDevice[ifaddr.dev.index]!;
    const goes = (other: Ifaddr): boolean =>
      other === ifaddr ||
      (!ifaddr.secondary &&
        other.secondary &&
        other.prefixLength === ifaddr.prefixLength &&
        inSubnet(other.address, ifaddr));
    const gone = list.filter(goes);
    this.byDevice[ifaddr.dev.index] = list.filter((other) => !goes(other));
    for (const other of gone) {
      if (this.owners.get(other.address) === other) this.owners.delete(other.address);
      this.ns.fib.removeAddress(other, this.of(ifaddr.dev));
      ifaddr.dev.addressChanged(other.address, false);
    }
  }

  /** The device is up now: bring the routes of its addresses. */
  deviceUp(dev: Device): void {
    for (const ifaddr of this.of(dev)) this.ns.fib.addAddress(ifaddr, this.primaryOf(ifaddr));
  }

  private primaryOf(ifaddr: Ifaddr): Ifaddr {
    const { prefixLength } = ifaddr;
    const same = (other: Ifaddr): boolean =>
      !other.secondary && other.prefixLength === prefixLength && inSubnet(ifaddr.address, other);
    return ifaddr.secondary ? (this.of(ifaddr.dev).find(same) ?? ifaddr) : ifaddr;
  }

  /** inet_lookup_ifaddr_rcu: is it an address of this host (not only inside a local subnet such as 127/8)? */
  has(address: number): boolean {
    return this.owners.has(address);
  }

  /** The device that has an address, or null. */
  deviceOf(address: number): Device | null {
    return this.owners.get(address)?.dev ?? null;
  }

  /**
   * inet_select_addr: the source to use towards `dst` (0: whatever) on a device; when the device has none, one of another.
   * @returns int32, 0 for none. Runs per packet: no allocation.
   */
  select(dev: Device, dst: number, scope: number): number {
    const list = this.of(dev);
    const localnet = this.localnetScope(dev);
    let found = 0;
    for (let i = 0; i < list.length; i++) {
      const ifaddr = list[i]!;
      if (ifaddr.secondary || Math.min(ifaddr.scope, localnet) > scope) continue;
      if (dst === 0 || inSubnet(dst, ifaddr)) return ifaddr.address;
      if (found === 0) found = ifaddr.address;
    }
    return found === 0 ? this.selectAny(scope) : found;
  }

  private selectAny(scope: number): number {
    for (let i = 1; i < this.byDevice.length; i++) {
      const list = this.byDevice[i] ?? NONE;
      for (let j = 0; j < list.length; j++) {
        const ifaddr = list[j]!;
        if (!ifaddr.secondary && ifaddr.scope !== RT_SCOPE_LINK && ifaddr.scope <= scope) return ifaddr.address;
      }
    }
    return 0;
  }

  /** Under route_localnet 127/8 may be seen outside. */
  private localnetScope(dev: Device): number {
    return this.ns.conf.or(dev, ROUTE_LOCALNET) ? RT_SCOPE_LINK : RT_SCOPE_HOST;
  }

  /** inet_addr_onlink: are both addresses in one subnet of the device? `b` 0 asks for `a` alone. */
  onLink(dev: Device, a: number, b: number): boolean {
    const list = this.of(dev);
    for (let i = 0; i < list.length; i++) {
      if (inSubnet(a, list[i]!) && (b === 0 || inSubnet(b, list[i]!))) return true;
    }
    return false;
  }

  /**
   * inet_confirm_addr: is `local` (0: any) an address of the device (null: of any), in a subnet with `dst` (0: whatever),
   * of at most that scope? @returns the address, 0 for none
   */
  confirm(dev: Device | null, dst: number, local: number, scope: number): number {
    if (dev !== null) return this.confirmOn(dev, dst, local, scope);
    for (let i = 1; i < this.byDevice.length; i++) {
      const address = this.byDevice[i] === undefined ? 0 : this.confirmOn(this.ns.devices[i]!, dst, local, scope);
      if (address !== 0) return address;
    }
    return 0;
  }

  private confirmOn(dev: Device, dst: number, local: number, scope: number): number {
    const list = this.of(dev);
    const localnet = this.localnetScope(dev);
    let address = 0;
    let same = false;
    for (let i = 0; i < list.length; i++) {
      const ifaddr = list[i]!;
      const near = Math.min(ifaddr.scope, localnet) <= scope;
      if (address === 0 && near && (local === ifaddr.address || local === 0)) {
        address = ifaddr.address;
        if (same) break;
      }
      if (same) continue;
      same = (local === 0 || inSubnet(local, ifaddr)) && (dst === 0 || inSubnet(dst, ifaddr));
      if (!same || address === 0) continue;
      if (local !== 0 || dst === 0 || inSubnet(address, ifaddr)) break;
      if (near) {
        address = ifaddr.address;
        break;
      }
      same = false;
    }
    return same ? address : 0;
  }
}

const NONE: readonly Ifaddr[] = [];

/** A primary address goes behind the primary ones whose scope is not narrower, before the secondary ones. */
function placeOfPrimary(list: readonly Ifaddr[], scope: number): number {
  let place = 0;
  list.forEach((other, i) => {
    if (!other.secondary && scope <= other.scope) place = i + 1;
  });
  return place;
}
