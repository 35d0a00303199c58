/** An IPv4 packet comes in: ip_rcv to dst_input, and local delivery. net/ipv4/ip_input.c. @module */
import * as ipv4 from '../packet/ipv4.ts';
import {
  FLAG_DEFRAG,
  FLAG_FORWARDED,
  FLAG_FRAG_PMTU,
  FLAG_REROUTED,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  type Packet,
} from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as tcp from '../packet/tcp.ts';
import { ACCEPT_SOURCE_ROUTE, DROP_UNICAST_IN_L2_MULTICAST } from './dev-conf.ts';
import type { Device } from './device.ts';
import { IP_DEFRAG_LOCAL_DELIVER } from './fragment.ts';
import { geometryPull } from './geometry.ts';
import { INPUT, PREROUTING } from './hook.ts';
import { ipError } from './ip-error.ts';
import { ipForward } from './ip-forward.ts';
import * as options from './ip-options.ts';
import type { Netns } from './netns.ts';
import { RT_INPUT, RTCF_BROADCAST, RTCF_LOCAL, RTCF_MULTICAST } from './route.ts';
import { routeByHeader } from './route-input.ts';
import { receiveSourceRoute } from './source-route.ts';

const OTHERHOST = reason('OTHERHOST');
const IP_INHDR = reason('IP_INHDR');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const UNICAST_IN_L2_MULTICAST = reason('UNICAST_IN_L2_MULTICAST');

/** What IPCB holds of an earlier pass: cleared by ip_rcv_core. */
const OLD_FLAGS = FLAG_FORWARDED | FLAG_REROUTED | FLAG_DEFRAG | FLAG_FRAG_PMTU;

/** ip_rcv; `pkt.data` at the IPv4 header. Runs per packet: no allocation. */
export function ipReceive(ns: Netns, pkt: Packet, dev: Device): void {
  const why = pkt.pktType === PACKET_OTHERHOST ? OTHERHOST : ipv4.check(pkt.view, pkt.data, pkt.end);
  if (why !== 0) {
    ns.drop(pkt, why);
    return;
  }
  pkt.l3 = pkt.data;
  // What follows the IP packet in the frame is padding.
  pkt.end = pkt.data + ipv4.totalLength(pkt.view, pkt.data);
  pkt.l4 = pkt.l3 + ipv4.headerLength(pkt.view, pkt.l3);
  pkt.flags &= ~OLD_FLAGS;
  pkt.options = pkt.optionFlags = 0;
  pkt.fragMax = 0;
  if (ns.hook4(PREROUTING, pkt, dev, ns.noDevice)) ipReceiveFinish(ns, pkt, dev);
}

/** ip_rcv_finish: after PREROUTING. */
export function ipReceiveFinish(ns: Netns, pkt: Packet, dev: Device): void {
  // What looped back on lo, or came through a hook that routed it, keeps its route.
  if (pkt.routeType === 0) {
    earlyDemux(pkt);
    const why = routeByHeader(ns.ip.input, pkt, dev);
    if (why !== 0) {
      ns.drop(pkt, why);
      return;
    }
  }
  if (ipv4.headerLength(pkt.view, pkt.l3) > ipv4.HEADER_LEN && !receiveOptions(ns, pkt, dev)) return;
  if ((pkt.routeFlags & (RTCF_BROADCAST | RTCF_MULTICAST)) === 0 && isLinkMulticast(pkt)) {
    if (ns.conf.or(dev, DROP_UNICAST_IN_L2_MULTICAST)) {
      ns.drop(pkt, UNICAST_IN_L2_MULTICAST);
      return;
    }
  }
  ns.ip.traceRoute(pkt);
  if (pkt.routeError !== 0) ipError(ns, pkt, dev);
  else if ((pkt.routeFlags & RTCF_LOCAL) !== 0) localDeliver(ns, pkt, dev);
  // The route of a packet that this host sent, and that a device turned back: dst_discard.
  else if ((pkt.routeFlags & RT_INPUT) === 0) ns.drop(pkt, NOT_SPECIFIED);
  else ipForward(ns, pkt, dev);
}

/** tcp_v4_early_demux: there is no socket to be found, but the TCP header is looked at as a whole. */
function earlyDemux(pkt: Packet): void {
  const { view, l3 } = pkt;
  if (pkt.fragments < 0 || pkt.pktType !== PACKET_HOST || ipv4.protocol(view, l3) !== ipv4.TCP) return;
  if (!ipv4.isFragment(view, l3)) geometryPull(pkt, l3 + ipv4.headerLength(view, l3), tcp.HEADER_LEN);
}

const isLinkMulticast = (pkt: Packet): boolean => pkt.pktType === PACKET_BROADCAST || pkt.pktType === PACKET_MULTICAST;

/** ip_rcv_options. @returns false when the packet was dropped */
function receiveOptions(ns: Netns, pkt: Packet, dev: Device): boolean {
  const wrong = options.compile(pkt, ns.ip.optionsHost);
  if (wrong !== 0) {
    ns.icmp.parameterProblem(pkt, wrong);
    ns.drop(pkt, IP_INHDR);
    return false;
  }
  if (options.srr(pkt) === 0) return true;
  if (ns.conf.and(dev, ACCEPT_SOURCE_ROUTE) && receiveSourceRoute(ns, pkt, dev)) return true;
  ns.drop(pkt, NOT_SPECIFIED);
  return false;
}

/** ip_local_deliver: the whole datagram, past INPUT, to its protocol. */
function localDeliver(ns: Netns, pkt: Packet, dev: Device): void {
  if (ipv4.isFragment(pkt.view, pkt.l3) && !ns.ip.defrag(pkt, IP_DEFRAG_LOCAL_DELIVER)) return;
  if (ns.hook4(INPUT, pkt, dev, ns.noDevice)) ns.ip.deliver(pkt, dev);
}
