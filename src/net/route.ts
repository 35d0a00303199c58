/**
 * Where a packet goes: the route found for it (struct rtable, net/ipv4/route.c), as integers; put on the packet once it
 * is decided. @module
 */
import type { Packet } from '../packet/packet.ts';
import type { Device } from './device.ts';
import type { FibResult } from './fib.ts';
import { RTN_UNREACHABLE } from './rtn.ts';

/** Bits of `routeFlags`. */
export const RTCF_BROADCAST = 1;
export const RTCF_MULTICAST = 2;
/** Delivered to this host. */
export const RTCF_LOCAL = 4;
/** IPSKB_DOREDIRECT: it goes out where it came in. */
export const RT_REDIRECT = 8;
/** Found for a packet that came in (rt_is_input_route). */
export const RT_INPUT = 16;
/** The next hop is a gateway. */
export const RT_GATEWAY = 32;
/** The MTU is the administrator's last word (`mtu lock`). */
export const RT_MTU_LOCKED = 64;
/** A broadcast or multicast that this host hears itself (ip_mc_output). */
export const RT_LOOP_BACK = 128;

const IP_MAX_MTU = 0xffff;
/** A locked MTU over a gateway is not believed beyond what every host takes. */
const MIN_REASSEMBLY = 576;

/** struct rtable: the outcome of one routing decision; reused. */
export class Rtable {
  type = 0;
  flags = 0;
  /** A positive errno: packets end in ip_error. */
  error = 0;
  dev: Device | null = null;
  /** int32: the gateway, or the destination. */
  nextHop = 0;
  /** Bytes of IP packet that the path takes. */
  mtu = 0;
  /** Source address that the lookup chose for a packet of this host. */
  source = 0;

  /** Leads nowhere: `error` is positive; the packet is told by ip_error. */
  unreachable(dev: Device, error: number): void {
    this.type = RTN_UNREACHABLE;
    this.flags = RT_INPUT;
    this.error = error;
    this.dev = dev;
    this.nextHop = 0;
    this.mtu = dev.mtu;
  }

  set(type: number, flags: number, dev: Device, nextHop: number, mtu: number): void {
    this.type = type;
    this.flags = flags;
    this.error = 0;
    this.dev = dev;
    this.nextHop = nextHop;
    this.mtu = mtu;
  }

  /** skb_dst_set. Runs per packet: no allocation. */
  apply(pkt: Packet): void {
    pkt.routeType = this.type;
    pkt.routeFlags = this.flags;
    pkt.routeError = this.error;
    pkt.oif = this.dev!.index;
    pkt.nextHop = this.nextHop;
    pkt.pathMtu = this.mtu;
  }
}

/** skb_dst_drop. */
export function dropRoute(pkt: Packet): void {
  pkt.routeType = pkt.routeFlags = pkt.routeError = 0;
  pkt.oif = pkt.nextHop = pkt.pathMtu = 0;
}

/** ip_dst_mtu_maybe_forward: the route's own MTU, else the device's. */
export function routeMtu(res: FibResult, dev: Device): number {
  const { route, hop } = res;
  if (route === null) return Math.min(dev.mtu, IP_MAX_MTU);
  if (route.mtu !== 0) return Math.min(route.mtu, IP_MAX_MTU);
  const mtu = route.mtuLocked && hop!.gateway !== 0 && dev.mtu > MIN_REASSEMBLY ? MIN_REASSEMBLY : dev.mtu;
  return Math.min(mtu, IP_MAX_MTU);
}
