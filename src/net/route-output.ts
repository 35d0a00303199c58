/** Routing of what this host sends: ip_route_output_key, net/ipv4/route.c. @module */
import { ROUTE_LOCALNET } from './dev-conf.ts';
import type { Device } from './device.ts';
import { EINVAL, ENETUNREACH, ENODEV } from './errno.ts';
import { FibResult } from './fib.ts';
import type { Flow } from './flow.ts';
import type { Multipath } from './multipath.ts';
import type { Netns } from './netns.ts';
import {
  RT_GATEWAY,
  RT_LOOP_BACK,
  RT_MTU_LOCKED,
  RTCF_BROADCAST,
  RTCF_LOCAL,
  RTCF_MULTICAST,
  Rtable,
  routeMtu,
} from './route.ts';
import { RT_SCOPE_HOST, RT_SCOPE_LINK, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST } from './rtn.ts';

const LIMITED_BROADCAST = -1;
const LOOPBACK_ADDRESS = 0x7f000001;
const ALL_HOSTS = 0xe0000001 | 0;
const isMulticast = (address: number): boolean => (address & 0xf0000000) === (0xe0000000 | 0);
const isLocalMulticast = (address: number): boolean => (address & 0xffffff00) === (0xe0000000 | 0);
const isLoopback = (address: number): boolean => address >>> 24 === 127;

/** Routes packets of the host, in one namespace. */
export class OutputRouting {
  /** What the last lookup without an error decided; `rt.source` is the source address that it chose. */
  readonly rt: Rtable = new Rtable();
  private readonly ns: Netns;
  private readonly multipath: Multipath;
  private readonly res = new FibResult();

  constructor(ns: Netns, multipath: Multipath) {
    this.ns = ns;
    this.multipath = multipath;
  }

  /**
   * ip_route_output_key. Fields of `flow` that were 0 may be filled (src, dst, oif).
   * @returns 0 with the route in `rt`, or a negative errno. Runs per packet: no allocation.
   */
  route(flow: Flow): number {
    flow.iif = this.ns.loopback.index;
    let dev: Device | null = null;
    if (flow.src !== 0) {
      if (isMulticast(flow.src) || flow.src === LIMITED_BROADCAST) return -EINVAL;
      const broadcast = isMulticast(flow.dst) || flow.dst === LIMITED_BROADCAST;
      if (flow.oif === 0 && broadcast) {
        dev = this.deviceOf(flow.src);
        if (dev === null) return -ENETUNREACH;
        return this.link(flow, dev);
      }
      if (!flow.anySource && this.deviceOf(flow.src) === null) return -ENETUNREACH;
    }
    if (flow.oif !== 0) {
      dev = this.ns.devices[flow.oif] ?? null;
      if (dev === null) return -ENODEV;
      if (!dev.up) return -ENETUNREACH;
      if (isLocalMulticast(flow.dst) || flow.dst === LIMITED_BROADCAST) {
        if (flow.src === 0) flow.src = this.ns.addresses.select(dev, 0, RT_SCOPE_LINK);
        return this.link(flow, dev);
      }
      if (flow.src === 0 && isMulticast(flow.dst)) flow.src = this.ns.addresses.select(dev, 0, flow.scope);
      else if (flow.src === 0 && flow.dst === 0) flow.src = this.ns.addresses.select(dev, 0, RT_SCOPE_HOST);
    }
    return flow.dst === 0 ? this.self(flow) : this.lookup(flow, dev);
  }

  /** No destination is oneself. */
  private self(flow: Flow): number {
    flow.dst = flow.src || LOOPBACK_ADDRESS;
    flow.src = flow.dst;
    this.forget();
    return this.make(flow, RTN_LOCAL, RTCF_LOCAL, this.ns.loopback);
  }

  /** Multicast and limited broadcast on a device, whatever the tables say. */
  private link(flow: Flow, dev: Device): number {
    this.forget();
    return this.make(flow, RTN_UNICAST, 0, dev);
  }

  private forget(): void {
    this.res.route = null;
    this.res.hop = null;
  }

  private lookup(flow: Flow, dev: Device | null): number {
    const { ns, res } = this;
    const error = ns.fib.lookup(flow, res);
    if (error !== 0) {
      if (flow.oif === 0) return error;
      // The tables do not know: take the destination to be on the link.
      if (flow.src === 0) flow.src = ns.addresses.select(dev!, 0, RT_SCOPE_LINK);
      return this.link(flow, dev!);
    }
    if (res.type === RTN_LOCAL) {
      if (flow.src === 0) flow.src = res.route!.source || flow.dst;
      return this.make(flow, RTN_LOCAL, RTCF_LOCAL, ns.loopback);
    }
    const route = res.route!;
    if (flow.oif === 0 && route.nextHops.length > 1) {
      res.hop = this.multipath.select(route, this.multipath.hashOutput(flow), flow.src);
    }
    if (flow.src === 0) flow.src = this.preferredSource(res);
    return this.make(flow, res.type, 0, res.hop!.dev!);
  }

  /** fib_result_prefsrc. */
  preferredSource(res: FibResult): number {
    const { source, scope } = res.route!;
    return source || this.ns.addresses.select(res.hop!.dev!, res.hop!.gateway, scope);
  }

  /** __mkroute_output. */
  private make(flow: Flow, found: number, flags: number, dev: Device): number {
    const { dst, src } = flow;
    if (!this.ns.conf.or(dev, ROUTE_LOCALNET) && isLoopback(src) && !dev.loopback) return -EINVAL;
    const hop = this.res.hop;
    let type = found;
    let bits = dev.loopback ? flags | RTCF_LOCAL : flags;
    let gateway = hop === null ? 0 : hop.gateway;
    if (dst === LIMITED_BROADCAST) type = RTN_BROADCAST;
    else if (isMulticast(dst)) type = RTN_MULTICAST;
    if (type === RTN_BROADCAST) {
      bits |= RTCF_BROADCAST | RTCF_LOCAL;
      if (dst === LIMITED_BROADCAST) gateway = 0;
    } else if (type === RTN_MULTICAST) {
      bits |= dst === ALL_HOSTS ? RTCF_MULTICAST | RTCF_LOCAL : RTCF_MULTICAST;
      if (this.res.length < 4) gateway = 0;
    }
    if ((bits & (RTCF_BROADCAST | RTCF_MULTICAST)) !== 0 && (bits & RTCF_LOCAL) !== 0 && !dev.loopback) {
      bits |= RT_LOOP_BACK;
    }
    if (gateway !== 0) bits |= RT_GATEWAY;
    if (this.res.route?.mtuLocked === true) bits |= RT_MTU_LOCKED;
    const mtu = routeMtu(this.res, dev);
    const heeds = type === RTN_UNICAST && (bits & RT_MTU_LOCKED) === 0;
    this.rt.set(type, bits, dev, gateway || dst, heeds ? this.ns.pmtu.heed(dst, mtu) : mtu);
    this.rt.source = src;
    return 0;
  }

  /** __ip_dev_find: the device that has an address, or that table local has it on. */
  private deviceOf(address: number): Device | null {
    const dev = this.ns.addresses.deviceOf(address);
    if (dev !== null) return dev;
    return this.ns.fib.localDevice(address);
  }
}
