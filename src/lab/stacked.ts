/** Devices on top of others, and those without a wire: what `ip link add ... type vlan|macvlan|ipvlan|ipip|dummy` makes. @module */
import { Bridge } from '../bridge/bridge.ts';
import type { Device } from '../net/device.ts';
import { DummyDevice } from '../net/dummy.ts';
import { IpVlan } from '../net/ipvlan.ts';
import { Macvlan } from '../net/macvlan.ts';
import type { Netns } from '../net/netns.ts';
import { Tap } from '../net/tap.ts';
import { Vlan } from '../net/vlan.ts';
import { Ipip } from '../overlay/ipip.ts';
import { parse4, parseMac } from '../packet/address.ts';
import { ETH_P_8021AD, ETH_P_8021Q } from '../packet/ethernet.ts';
import { given, map } from './given.ts';
import { DEFAULT_MTU } from './links.ts';
import { LabError, type Place } from './shape.ts';
import type { IpipLink, PlainLink, StackedLink } from './topology.ts';

const IPIP_HEADROOM = 20;
export const VLAN_PROTOCOLS: Readonly<Record<'802.1Q' | '802.1ad', number>> = {
  '802.1Q': ETH_P_8021Q,
  '802.1ad': ETH_P_8021AD,
};

/** A device by namespace and name, or undefined. */
type Find = (ns: string, name: string) => Device | undefined;

/** The device that another is made on: `device` of the same namespace, or `[namespace, device]`. */
const lowerOf = (link: StackedLink, ns: string): readonly [ns: string, device: string] =>
  typeof link.link === 'string' ? [ns, link.link] : link.link;

/** @throws {LabError} when the lower device is not there yet; {RangeError} for what the kernel refuses */
export function makeStacked(ns: Netns, link: StackedLink, mac: Uint8Array, find: Find, at: Place): Device {
  const [place, name] = lowerOf(link, ns.name);
  const lower = find(place, name);
  if (lower === undefined) throw new LabError(at.file, at.path, `${name} must be listed before what is made on it`);
  const config = { name: link.name, mac, mtu: link.mtu ?? lower.mtu };
  switch (link.type) {
    case 'vlan': {
      // Its address is the lower one's until it gets another.
      const own = link.mac === undefined ? lower.mac : mac;
      return new Vlan(
        ns,
        { ...config, mac: own, id: link.id, protocol: VLAN_PROTOCOLS[link.protocol ?? '802.1Q'] },
        lower,
      );
    }
    case 'macvlan': {
      const sources = map(link.macaddrs, (list) => list.map((text) => parseMac(text)!));
      return new Macvlan(ns, { ...config, ...given('mode', link.mode), ...given('sources', sources) }, lower);
    }
    default:
      return new IpVlan(ns, { ...config, ...given('mode', link.mode), ...given('flag', link.flag) }, lower);
  }
}

/** `ip link add NAME type ipip`. */
export function makeIpip(ns: Netns, link: IpipLink): Device {
  const lower = link.dev === undefined ? undefined : ns.device(link.dev);
  const tos = link.tos === undefined || link.tos === 'inherit' ? link.tos : Number(link.tos);
  return new Ipip(ns, {
    name: link.name,
    mtu: link.mtu ?? (lower?.mtu ?? DEFAULT_MTU) - IPIP_HEADROOM,
    ...given(
      'local',
      map(link.local, (text) => parse4(text)!),
    ),
    ...given(
      'remote',
      map(link.remote, (text) => parse4(text)!),
    ),
    ...given('ttl', link.ttl === 'inherit' ? 0 : link.ttl),
    ...given('tos', tos as number | 'inherit' | undefined),
    ...given('pmtudisc', link.pmtudisc),
    ...given('lower', lower),
  });
}

/** A device that loses what it is given. The `dummy` of a kernel without that driver is a bridge without ports: it asks for neighbours. */
export function makePlain(ns: Netns, link: PlainLink, mac: Uint8Array): Device {
  const config = { name: link.name, mac, mtu: link.mtu ?? DEFAULT_MTU };
  if (link.type === 'tap') return new Tap(ns, config);
  return link.driver === true ? new DummyDevice(ns, config) : new Bridge(ns, config);
}
