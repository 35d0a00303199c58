/** An IPv6 packet comes in: ip6_rcv_core to dst_input, and local delivery. net/ipv6/ip6_input.c. @module */
import * as icmpv6 from '../packet/icmpv6.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import * as ext from '../packet/ipv6-ext.ts';
import {
  FLAG_DEFRAG,
  FLAG_FORWARDED,
  FLAG_REROUTED,
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  type Packet,
} from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as tcp from '../packet/tcp.ts';
import { DROP_UNICAST_IN_L2_MULTICAST } from './dev-conf6.ts';
import type { Device } from './device.ts';
import { EACCES, EINVAL } from './errno.ts';
import { WHOLE } from './fragment6.ts';
import { geometryPull } from './geometry.ts';
import { INPUT, PREROUTING } from './hook.ts';
import { type In6, in6, isAny, isLoopback, isMulticast, multicastScope, readIn6 } from './in6.ts';
import type { Ipv6 } from './ip6.ts';
import {
  headerPlace,
  nextHeaderPlace,
  parseDestination,
  parseHopByHop,
  receiveRouting,
  setPlaces,
} from './ip6-exthdrs.ts';
import { ip6Forward } from './ip6-forward.ts';
import { RTCF_LOCAL, RTCF_MULTICAST } from './route.ts';
import { tcp6Receive } from './tcp6.ts';
import { udp6Receive } from './udp6.ts';

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const OTHERHOST = reason('OTHERHOST');
const IPV6DISABLED = reason('IPV6DISABLED');
const IP_INHDR = reason('IP_INHDR');
const IP_INNOROUTES = reason('IP_INNOROUTES');
const IP_INADDRERRORS = reason('IP_INADDRERRORS');
const IP_NOPROTO = reason('IP_NOPROTO');
const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const UNHANDLED_PROTO = reason('UNHANDLED_PROTO');
const UNICAST_IN_L2_MULTICAST = reason('UNICAST_IN_L2_MULTICAST');

const SRC = 8;
const DST = 24;
/** What a device that loops a packet back says of it. */
const PACKET_LOOPBACK = 5;
/** Where the header's own next-header field is. */
const NEXT_HEADER = 6;
/** What IP6CB holds of an earlier pass. */
const OLD_FLAGS = FLAG_FORWARDED | FLAG_REROUTED | FLAG_DEFRAG;

const address: In6 = in6();

/** ipv6_rcv; `pkt.data` at the IPv6 header. Runs per packet: no allocation. */
export function ip6Receive(ip6: Ipv6, pkt: Packet, dev: Device): void {
  pkt.flags &= ~OLD_FLAGS;
  setPlaces(pkt, NEXT_HEADER, ipv6.HEADER_LEN);
  pkt.optionFlags = 0;
  pkt.fragMax = 0;
  const why = receiveCore(ip6, pkt, dev);
  if (why !== 0) ip6.ns.drop(pkt, why);
  else if (ip6.hook(PREROUTING, pkt, dev, ip6.ns.noDevice)) ip6ReceiveFinish(ip6, pkt, dev);
}

/** ip6_rcv_core. @returns 0 or the reason to drop */
function receiveCore(ip6: Ipv6, pkt: Packet, dev: Device): number {
  if (pkt.pktType === PACKET_OTHERHOST) return OTHERHOST;
  if (!ip6.addresses.isEnabled(dev)) return IPV6DISABLED;
  const { view, data, end } = pkt;
  if (end - data < ipv6.HEADER_LEN) return IP_INHDR;
  if (ipv6.version(view, data) !== 6) return UNHANDLED_PROTO;
  const why = checkAddresses(ip6, pkt, dev);
  if (why !== 0) return why;
  pkt.l3 = data;
  pkt.l4 = data + ipv6.HEADER_LEN;
  const length = ipv6.payloadLength(view, data);
  const first = ipv6.nextHeader(view, data);
  // A jumbogram says in an option how long it is.
  if (length !== 0 || first !== ext.HOP) {
    if (length + ipv6.HEADER_LEN > end - data) return PKT_TOO_SMALL;
    pkt.end = data + ipv6.HEADER_LEN + length;
  }
  return first === ext.HOP ? parseHopByHop(ip6, pkt) : 0;
}

function checkAddresses(ip6: Ipv6, { view, data, pktType }: Packet, dev: Device): number {
  const src = ipv6.srcWord(view, data, 0);
  const dst = ipv6.dstWord(view, data, 0);
  if (!dev.loopback) {
    if (isLoopback(readIn6(view, data + SRC, address)) || isLoopback(readIn6(view, data + DST, address)))
      return IP_INHDR;
  }
  if (isMulticast(dst)) {
    const scope = multicastScope(dst);
    if (scope === 0 || (scope === 1 && !dev.loopback && pktType !== PACKET_LOOPBACK)) return IP_INHDR;
  } else if (pktType === PACKET_BROADCAST || pktType === PACKET_MULTICAST) {
    if (ip6.conf.get(dev, DROP_UNICAST_IN_L2_MULTICAST) !== 0) return UNICAST_IN_L2_MULTICAST;
  }
  return isMulticast(src) ? IP_INHDR : 0;
}

/** ip6_rcv_finish: after PREROUTING. */
export function ip6ReceiveFinish(ip6: Ipv6, pkt: Packet, dev: Device): void {
  // What looped back on lo, or came through a hook that routed it, keeps its route.
  if (pkt.routeType === 0) {
    // tcp_v6_early_demux: there is no socket to be found, but the TCP header is looked at as a whole.
    const isTcp = pkt.pktType === PACKET_HOST && ipv6.nextHeader(pkt.view, pkt.l3) === ipv4.TCP;
    if (isTcp) geometryPull(pkt, pkt.l3 + ipv6.HEADER_LEN, tcp.HEADER_LEN);
    ip6.routeInput(pkt, dev);
  }
  ip6.traceRoute(pkt);
  if (pkt.routeError !== 0) ip6Error(ip6, pkt);
  else if ((pkt.routeFlags & RTCF_LOCAL) !== 0) ip6Input(ip6, pkt, dev);
  else if ((pkt.routeFlags & RTCF_MULTICAST) !== 0) multicastInput(ip6, pkt, dev);
  else ip6Forward(ip6, pkt, dev);
}

/** ip6_pkt_discard, ip6_pkt_prohibit and dst_discard: the route leads nowhere. */
function ip6Error(ip6: Ipv6, pkt: Packet): void {
  const { ns } = ip6;
  if (pkt.routeError === EINVAL) {
    ns.drop(pkt, NOT_SPECIFIED);
    return;
  }
  const why = isAny(readIn6(pkt.view, pkt.l3 + DST, address)) ? IP_INADDRERRORS : IP_INNOROUTES;
  const code = pkt.routeError === EACCES ? icmpv6.ADM_PROHIBITED : icmpv6.NOROUTE;
  ip6.icmp.send(pkt, icmpv6.DEST_UNREACH, code, 0);
  ns.drop(pkt, why);
}

/** ip6_mc_input: for whoever is in the group. */
function multicastInput(ip6: Ipv6, pkt: Packet, dev: Device): void {
  if (ip6.addresses.isMember(dev, readIn6(pkt.view, pkt.l3 + DST, address))) ip6Input(ip6, pkt, dev);
  else ip6.ns.drop(pkt, NOT_SPECIFIED);
}

/** ip6_input. */
export function ip6Input(ip6: Ipv6, pkt: Packet, dev: Device): void {
  if (!ip6.hook(INPUT, pkt, dev, ip6.ns.noDevice)) return;
  // Hooks may have looked further.
  pkt.l4 = pkt.l3 + headerPlace(pkt);
  deliver(ip6, pkt, dev);
}

/** ip6_protocol_deliver_rcu: from header to header, to the protocol that takes the packet. */
function deliver(ip6: Ipv6, pkt: Packet, dev: Device): void {
  for (;;) {
    const protocol = pkt.view.getUint8(pkt.l3 + nextHeaderPlace(pkt));
    let why = 0;
    switch (protocol) {
      case ext.FRAGMENT:
        if (ip6.fragments.receive(pkt) !== WHOLE) return;
        break;
      case ext.ROUTING:
        why = receiveRouting(ip6, pkt);
        break;
      case ext.DEST:
        why = parseDestination(ip6, pkt);
        break;
      case ext.NONE:
        why = NOT_SPECIFIED;
        break;
      default:
        finalProtocol(ip6, pkt, dev, protocol);
        return;
    }
    if (why !== 0) {
      ip6.ns.drop(pkt, why);
      return;
    }
  }
}

/** INET6_PROTO_FINAL: connections end here. */
function finalProtocol(ip6: Ipv6, pkt: Packet, dev: Device, protocol: number): void {
  ip6.traceDelivery(pkt, protocol);
  switch (protocol) {
    case ipv4.TCP:
      forgetConnection(pkt);
      tcp6Receive(ip6, pkt, dev);
      return;
    case ipv4.UDP:
    case ipv4.UDPLITE:
      forgetConnection(pkt);
      udp6Receive(ip6, pkt, protocol);
      return;
    case ipv4.ICMPV6:
      forgetConnection(pkt);
      ip6.icmp.receive(pkt, dev);
      return;
    default:
      ip6.icmp.parameterProblem(pkt, icmpv6.UNK_NEXTHDR, nextHeaderPlace(pkt));
      ip6.ns.drop(pkt, IP_NOPROTO);
  }
}

/** nf_reset_ct. */
function forgetConnection(pkt: Packet): void {
  pkt.ct = -1;
  pkt.ctInfo = 0;
}
