/** Routing of IPv6: ip6_route_input, ip6_route_output and ip6_dst_lookup. net/ipv6/route.c, ip6_output.c. @module */
import type { Packet } from '../packet/packet.ts';
import type { Device } from './device.ts';
import { EADDRNOTAVAIL } from './errno.ts';
import { Fib6Result } from './fib6.ts';
import { Flow6 } from './flow6.ts';
import { isAny, needsDevice, readIn6 } from './in6.ts';
import type { Ipv6 } from './ip6.ts';
import { RT_GATEWAY, RT_INPUT, RTCF_LOCAL, RTCF_MULTICAST, Rtable } from './route.ts';
import { RTN_ANYCAST, RTN_LOCAL, RTN_MULTICAST } from './rtn.ts';

/** Places in the header. */
const SRC = 8;
const DST = 24;

/** Routes packets of IPv6 in one namespace. */
export class Routing6 {
  /** What the last lookup without an error decided; `nextHop` is the number of a gateway. */
  readonly rt: Rtable = new Rtable();
  private readonly ip6: Ipv6;
  private readonly res = new Fib6Result();
  private readonly flow = new Flow6();

  constructor(ip6: Ipv6) {
    this.ip6 = ip6;
  }

  /** ip6_route_input: put a route on a packet; one that leads nowhere says why in `routeError`. Runs per packet. */
  input(pkt: Packet, dev: Device): void {
    const { flow, rt } = this;
    const { view, l3 } = pkt;
    flow.clear();
    readIn6(view, l3 + SRC, flow.src);
    readIn6(view, l3 + DST, flow.dst);
    flow.flowInfo = view.getInt32(l3) & 0xfffffff;
    flow.mark = pkt.mark;
    flow.iif = dev.index;
    const error = this.ip6.fib.lookup(flow, dev.index, needsDevice(flow.dst), this.res);
    if (error !== 0) rt.unreachable(this.ip6.ns.loopback, -error);
    else this.make(flow, dev.index);
    rt.flags |= RT_INPUT;
    rt.apply(pkt);
  }

  /**
   * ip6_route_output: `flow.src` may be unspecified, and stays so.
   * @returns 0 with the route in `rt`, or a negative errno. Runs per packet: no allocation.
   */
  output(flow: Flow6): number {
    flow.iif = this.ip6.ns.loopback.index;
    const strict = needsDevice(flow.dst) || (flow.oif !== 0 && isAny(flow.src));
    const error = this.ip6.fib.lookup(flow, flow.oif, strict, this.res);
    if (error === 0) this.make(flow, flow.oif);
    return error;
  }

  /** ip6_dst_lookup: the same, and the source is chosen when it is not given. @returns 0 or a negative errno */
  lookup(flow: Flow6): number {
    const error = this.output(flow);
    if (error !== 0 || !isAny(flow.src)) return error;
    const { route, hop } = this.res;
    const source = route!.source ?? this.ip6.addresses.select(hop!.dev, flow.dst);
    if (source === null) return -EADDRNOTAVAIL;
    flow.src.set(source);
    return 0;
  }

  /** Has the route that was found last a source of its own? */
  get hasSource(): boolean {
    return this.res.route!.source !== null;
  }

  private make(flow: Flow6, oif: number): void {
    const { rt, res } = this;
    const route = res.route!;
    if (route.nextHops.length > 1 && (oif === 0 || res.hop!.dev!.index !== oif)) this.selectPath(flow);
    const hop = res.hop!;
    const { type } = route;
    const local = type === RTN_LOCAL || type === RTN_ANYCAST;
    const dev = local ? this.ip6.ns.loopback : hop.dev!;
    const flags = local ? RTCF_LOCAL : type === RTN_MULTICAST ? RTCF_MULTICAST : 0;
    rt.set(type, hop.gateway === 0 ? flags : flags | RT_GATEWAY, dev, hop.gateway, route.mtu || dev.mtu);
  }

  /** fib6_select_path: the hash that Linux takes is random, so any that spreads flows is as good. */
  private selectPath({ src, dst, flowInfo }: Flow6): void {
    let hash = flowInfo & 0xfffff;
    for (let i = 0; i < 4; i++) {
      hash = Math.imul(hash ^ src[i]!, 0x9e3779b1) ^ (hash >>> 13);
      hash = Math.imul(hash ^ dst[i]!, 0x85ebca6b) ^ (hash >>> 15);
    }
    const wanted = hash >>> 1;
    for (const hop of this.res.route!.nextHops) {
      if (hop.dead || hop.upperBound < wanted) continue;
      this.res.hop = hop;
      return;
    }
  }
}
