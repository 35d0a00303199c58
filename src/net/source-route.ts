/** Source routes, and options as a forwarding host completes them. net/ipv4/ip_options.c. @module */
import * as ipv4 from '../packet/ipv4.ts';
import { PACKET_HOST, type Packet } from '../packet/packet.ts';
import type { Device } from './device.ts';
import { FibResult } from './fib.ts';
import { Flow } from './flow.ts';
import * as options from './ip-options.ts';
import type { Netns } from './netns.ts';
import { RT_INPUT } from './route.ts';
import { RT_SCOPE_UNIVERSE, RTN_LOCAL, RTN_UNICAST } from './rtn.ts';

/** Where the IP header's destination address stands, for a pointer to it in a parameter problem. */
const DST_OFFSET = 16;
const flow = new Flow();
const res = new FibResult();

/** ip_options_rcv_srr: follow the hops that are this host itself. @returns false when the packet must be dropped */
export function receiveSourceRoute(ns: Netns, pkt: Packet, dev: Device): boolean {
  const { view: v, l3 } = pkt;
  if (pkt.pktType !== PACKET_HOST) return false;
  const type: number = pkt.routeType;
  if (type === RTN_UNICAST) {
    if ((pkt.optionFlags & options.OPT_STRICT) === 0) return true;
    ns.icmp.parameterProblem(pkt, DST_OFFSET);
    return false;
  }
  if (type !== RTN_LOCAL) return false;
  const at = l3 + options.srr(pkt);
  const space = v.getUint8(at + 1);
  for (let pointer = v.getUint8(at + 2); pointer <= space; pointer += 4) {
    if (pointer + 3 > space) {
      ns.icmp.parameterProblem(pkt, options.srr(pkt) + 2);
      return false;
    }
    const next = v.getInt32(at + pointer - 1);
    if (ns.ip.input.route(pkt, next, ipv4.src(v, l3), ipv4.tos(v, l3), dev) !== 0) return false;
    const found: number = pkt.routeType;
    if (pkt.routeError !== 0 || (found !== RTN_UNICAST && found !== RTN_LOCAL)) return false;
    pkt.optionFlags |= options.OPT_CHANGED;
    if (found === RTN_UNICAST) {
      pkt.optionFlags |= options.OPT_SRR_HIT;
      return true;
    }
    // The checksum is corrected when the packet leaves, if it does.
    v.setInt32(l3 + DST_OFFSET, next);
  }
  return true;
}

/** ip_rt_get_source: the address of this host that a forwarded packet leaves from. */
function outAddress(ns: Netns, pkt: Packet): number {
  const { view: v, l3 } = pkt;
  if ((pkt.routeFlags & RT_INPUT) === 0) return ipv4.src(v, l3);
  flow.clear();
  flow.dst = ipv4.dst(v, l3);
  flow.src = ipv4.src(v, l3);
  flow.tos = ipv4.tos(v, l3);
  flow.oif = pkt.oif;
  flow.iif = pkt.iif;
  flow.mark = pkt.mark;
  if (ns.fib.lookup(flow, res) === 0) return ns.ip.routing.preferredSource(res);
  return ns.addresses.select(ns.devices[pkt.oif]!, pkt.nextHop, RT_SCOPE_UNIVERSE);
}

/** ip_forward_options: write our address into record route, timestamp and source route, and correct the checksum. */
export function forwardOptions(ns: Netns, pkt: Packet): void {
  const { view: v, l3 } = pkt;
  if ((pkt.optionFlags & options.OPT_RR_NEEDADDR) !== 0) {
    const at = l3 + options.rr(pkt);
    v.setInt32(at + v.getUint8(at + 2) - 5, outAddress(ns, pkt));
    pkt.optionFlags |= options.OPT_CHANGED;
  }
  if ((pkt.optionFlags & options.OPT_SRR_HIT) !== 0) advanceSourceRoute(ns, pkt);
  if ((pkt.optionFlags & options.OPT_CHANGED) === 0) return;
  pkt.optionFlags &= ~options.OPT_CHANGED;
  ipv4.fillChecksum(v, l3);
}

function advanceSourceRoute(ns: Netns, pkt: Packet): void {
  const { view: v, l3 } = pkt;
  const at = l3 + options.srr(pkt);
  const space = v.getUint8(at + 1);
  const next = nextOfSourceRoute(ns, pkt, at, space);
  if (next >= 0) {
    ipv4.setDst(v, l3, v.getInt32(at + next - 1));
    v.setInt32(at + next - 1, outAddress(ns, pkt));
    v.setUint8(at + 2, next + 4);
    pkt.optionFlags |= options.OPT_CHANGED;
  }
  // Linux completes a timestamp's address here alone: without a source route it keeps that of the way back.
  if ((pkt.optionFlags & options.OPT_TS_NEEDADDR) !== 0) {
    const stamp = l3 + options.ts(pkt);
    v.setInt32(stamp + v.getUint8(stamp + 2) - 9, outAddress(ns, pkt));
    pkt.optionFlags |= options.OPT_CHANGED;
  }
}

/** The pointer to the hop that the packet was routed to: the first that is not this host, or -1. */
function nextOfSourceRoute(ns: Netns, { view: v }: Packet, at: number, space: number): number {
  for (let pointer = v.getUint8(at + 2); pointer + 3 <= space; pointer += 4) {
    if (ns.fib.addressType(v.getInt32(at + pointer - 1)) !== RTN_LOCAL) return pointer;
  }
  return -1;
}
