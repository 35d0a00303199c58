/** Routing of what comes in: ip_route_input_slow with its source checks. net/ipv4/route.c, fib_frontend.c. @module */
import * as ethernet from '../packet/ethernet.ts';
import * as ipv4 from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import {
  ACCEPT_LOCAL,
  BC_FORWARDING,
  FORWARDING,
  PROXY_ARP_PVLAN,
  ROUTE_LOCALNET,
  RP_FILTER,
  SEND_REDIRECTS,
  SHARED_MEDIA,
  SRC_VMARK,
} from './dev-conf.ts';
import type { Device } from './device.ts';
import { EHOSTUNREACH } from './errno.ts';
import { FibResult } from './fib.ts';
import { isConnected, type Route, uses } from './fib-route.ts';
import { Flow } from './flow.ts';
import type { Multipath } from './multipath.ts';
import type { Netns } from './netns.ts';
import {
  RT_GATEWAY,
  RT_INPUT,
  RT_MTU_LOCKED,
  RT_REDIRECT,
  RTCF_BROADCAST,
  RTCF_LOCAL,
  RTCF_MULTICAST,
  Rtable,
  routeMtu,
} from './route.ts';
import { RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST } from './rtn.ts';

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const INVALID_PROTO = reason('INVALID_PROTO');
const IP_INVALID_SOURCE = reason('IP_INVALID_SOURCE');
const IP_INVALID_DEST = reason('IP_INVALID_DEST');
const IP_LOCALNET = reason('IP_LOCALNET');
const IP_LOCAL_SOURCE = reason('IP_LOCAL_SOURCE');
const IP_RPFILTER = reason('IP_RPFILTER');
const ARP_PVLAN_DISABLE = reason('ARP_PVLAN_DISABLE');

const LIMITED_BROADCAST = -1;
const ALL_HOSTS = 0xe0000001 | 0;
const isMulticast = (address: number): boolean => (address & 0xf0000000) === (0xe0000000 | 0);
/** 224.0.0.0/24: never routed. */
const isLocalMulticast = (address: number): boolean => (address & 0xffffff00) === (0xe0000000 | 0);
const isLoopback = (address: number): boolean => address >>> 24 === 127;

/** What fib_validate_source says of a source that may pass. */
const SOURCE_FAR = 0;
/** The source is on the device's own link. */
const SOURCE_CONNECTED = -1;

/** Routes packets that come in, in one namespace. */
export class InputRouting {
  /** What the last lookup without an error decided. */
  readonly rt: Rtable = new Rtable();
  private readonly ns: Netns;
  private readonly multipath: Multipath;
  private readonly flow = new Flow();
  private readonly res = new FibResult();
  private readonly sourceFlow = new Flow();
  private readonly sourceRes = new FibResult();

  constructor(ns: Netns, multipath: Multipath) {
    this.ns = ns;
    this.multipath = multipath;
  }

  /**
   * ip_route_input: decide for a packet from `src` to `dst` that came in by `dev`, and put the route on it.
   * @returns 0 (which may be a route that leads to ip_error), or the reason to drop. Runs per packet: no allocation.
   */
  route(pkt: Packet, dst: number, src: number, tos: number, dev: Device): number {
    const why = isMulticast(dst) ? this.multicast(pkt, dst, src, tos, dev) : this.unicast(pkt, dst, src, tos, dev);
    if (why === 0) this.rt.apply(pkt);
    return why;
  }

  /** Hosts hear 224.0.0.1 alone: nothing here joins other groups. */
  private multicast(pkt: Packet, dst: number, src: number, tos: number, dev: Device): number {
    if (dst !== ALL_HOSTS) return NOT_SPECIFIED;
    if (isMulticast(src) || src === LIMITED_BROADCAST) return IP_INVALID_SOURCE;
    if (pkt.protocol !== ethernet.ETH_P_IP) return INVALID_PROTO;
    if (isLoopback(src) && !this.ns.conf.or(dev, ROUTE_LOCALNET)) return IP_LOCALNET;
    if (src === 0) {
      if (!isLocalMulticast(dst)) return IP_INVALID_SOURCE;
    } else {
      const verdict = this.validateSource(pkt, src, 0, tos, 0, dev);
      if (verdict > 0) return verdict;
    }
    this.rt.set(RTN_MULTICAST, RT_INPUT | RTCF_MULTICAST | RTCF_LOCAL, this.ns.loopback, dst, this.ns.loopback.mtu);
    return 0;
  }

  /** ip_route_input_slow. */
  private unicast(pkt: Packet, dst: number, src: number, tos: number, dev: Device): number {
    const { conf, fib } = this.ns;
    if (isMulticast(src) || src === LIMITED_BROADCAST) return IP_INVALID_SOURCE;
    if (dst === LIMITED_BROADCAST || (src === 0 && dst === 0)) return this.broadcast(pkt, dst, src, tos, dev);
    if (src === 0) return IP_INVALID_SOURCE;
    if (dst === 0) return IP_INVALID_DEST;
    if ((isLoopback(dst) || isLoopback(src)) && !conf.or(dev, ROUTE_LOCALNET)) return IP_LOCALNET;

    const { flow, res } = this;
    flow.clear();
    flow.dst = dst;
    flow.src = src;
    flow.tos = tos;
    flow.mark = pkt.mark;
    flow.iif = dev.index;
    if (fib.needsPorts) this.multipath.dissect(pkt, flow);
    const error = fib.lookup(flow, res);
    const forwarding = conf.get(dev, FORWARDING) !== 0;
    if (error !== 0) return this.noRoute(forwarding ? -error : EHOSTUNREACH);
    if (res.type === RTN_BROADCAST) {
      const forwards = forwarding && conf.and(dev, BC_FORWARDING);
      return forwards ? this.forward(pkt, dst, src, tos, dev) : this.broadcast(pkt, dst, src, tos, dev);
    }
    if (res.type === RTN_LOCAL) {
      const verdict = this.validateSource(pkt, src, dst, tos, 0, dev);
      return verdict > 0 ? verdict : this.local(RTN_LOCAL, 0, dst);
    }
    if (!forwarding) return this.noRoute(EHOSTUNREACH);
    return res.type === RTN_UNICAST ? this.forward(pkt, dst, src, tos, dev) : IP_INVALID_DEST;
  }

  private noRoute(error: number): number {
    this.rt.unreachable(this.ns.loopback, error);
    return 0;
  }

  private local(type: number, flags: number, dst: number): number {
    const { loopback } = this.ns;
    this.rt.set(type, RT_INPUT | RTCF_LOCAL | flags, loopback, dst, loopback.mtu);
    return 0;
  }

  private broadcast(pkt: Packet, dst: number, src: number, tos: number, dev: Device): number {
    if (pkt.protocol !== ethernet.ETH_P_IP) return INVALID_PROTO;
    if (src !== 0) {
      const verdict = this.validateSource(pkt, src, 0, tos, 0, dev);
      if (verdict > 0) return verdict;
    }
    return this.local(RTN_BROADCAST, RTCF_BROADCAST, dst);
  }

  /** ip_mkroute_input and __mkroute_input. */
  private forward(pkt: Packet, dst: number, src: number, tos: number, dev: Device): number {
    const { res, ns } = this;
    const route: Route = res.route!;
    if (route.nextHops.length > 1) res.hop = this.multipath.select(route, this.multipath.hash(pkt, this.flow), 0);
    const hop = res.hop!;
    const out = hop.dev!;
    const verdict = this.validateSource(pkt, src, dst, tos, out.index, dev);
    if (verdict > 0) return verdict;
    let flags = RT_INPUT;
    const isIp = pkt.protocol === ethernet.ETH_P_IP;
    if (out === dev && !isIp && ns.conf.get(dev, PROXY_ARP_PVLAN) === 0) return ARP_PVLAN_DISABLE;
    if (out === dev && isIp && verdict === SOURCE_CONNECTED && ns.conf.or(out, SEND_REDIRECTS)) {
      if (ns.conf.or(out, SHARED_MEDIA) || ns.addresses.onLink(out, src, hop.gateway)) flags |= RT_REDIRECT;
    }
    if (hop.gateway !== 0) flags |= RT_GATEWAY;
    if (route.mtuLocked) flags |= RT_MTU_LOCKED;
    this.rt.set(res.type, flags, out, hop.gateway || dst, routeMtu(res, out));
    return 0;
  }

  /**
   * fib_validate_source: may a packet from `src` come in by `dev`? `oif` is where it will leave (0: here).
   * @returns SOURCE_FAR or SOURCE_CONNECTED when it may, else the reason to drop it
   */
  private validateSource(pkt: Packet, src: number, dst: number, tos: number, oif: number, dev: Device): number {
    const { conf, fib, addresses } = this.ns;
    const rpFilter = conf.max(dev, RP_FILTER);
    if (rpFilter === 0 && (dev.index !== oif || !conf.or(dev, SEND_REDIRECTS))) {
      if (conf.or(dev, ACCEPT_LOCAL)) return SOURCE_FAR;
      if (!fib.customLocal && !fib.custom) return addresses.has(src) ? IP_LOCAL_SOURCE : SOURCE_FAR;
    }
    return this.fullCheck(pkt, src, dst, tos, oif, dev, rpFilter);
  }

  /** __fib_validate_source: look up the way back. */
  private fullCheck(pkt: Packet, src: number, dst: number, tos: number, oif: number, dev: Device, rpf: number): number {
    const { conf, fib, addresses, loopback } = this.ns;
    const { sourceFlow: flow, sourceRes: res } = this;
    flow.clear();
    flow.dst = src;
    flow.src = dst;
    flow.tos = tos;
    flow.mark = conf.or(dev, SRC_VMARK) ? pkt.mark : 0;
    flow.iif = oif !== 0 ? oif : loopback.index;
    if (fib.needsPorts) this.multipath.dissectReverse(pkt, flow);
    const noAddress = addresses.of(dev).length === 0;
    const lastResort = rpf !== 0 ? IP_RPFILTER : SOURCE_FAR;
    if (fib.lookup(flow, res) !== 0) return lastResort;
    if (res.type !== RTN_UNICAST) {
      if (res.type !== RTN_LOCAL) return IP_INVALID_SOURCE;
      if (!conf.or(dev, ACCEPT_LOCAL)) return IP_LOCAL_SOURCE;
    }
    if (uses(res.route!, dev) || (res.type === RTN_LOCAL && dev === loopback)) {
      return isConnected(res.hop) ? SOURCE_CONNECTED : SOURCE_FAR;
    }
    if (noAddress) return lastResort;
    if (rpf === 1) return IP_RPFILTER;
    flow.oif = dev.index;
    const found = fib.lookup(flow, res) === 0 && res.type === RTN_UNICAST && isConnected(res.hop);
    return found ? SOURCE_CONNECTED : SOURCE_FAR;
  }
}

/** The route for an IP packet by its own header: ip_route_input_noref. */
export const routeByHeader = (routing: InputRouting, pkt: Packet, dev: Device): number =>
  routing.route(pkt, ipv4.dst(pkt.view, pkt.l3), ipv4.src(pkt.view, pkt.l3), ipv4.tos(pkt.view, pkt.l3), dev);
