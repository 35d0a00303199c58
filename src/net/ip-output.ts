/** IPv4 packets go out: ip_local_out, ip_output and what follows. net/ipv4/ip_output.c. @module */
import * as ethernet from '../packet/ethernet.ts';
import * as icmp from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import {
  FLAG_CSUM_OK,
  FLAG_DEFRAG,
  FLAG_FORWARDED,
  FLAG_REROUTED,
  FLAG_SOCKET,
  PACKET_LOOPBACK,
  type Packet,
} from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { EINVAL, EMSGSIZE, EPERM } from './errno.ts';
import { NF_ACCEPT, NF_DROP, OUTPUT, POSTROUTING } from './hook.ts';
import { fragmentPacket } from './ip-fragment.ts';
import type { Netns } from './netns.ts';
import { RT_LOOP_BACK, RTCF_BROADCAST, RTCF_LOCAL, RTCF_MULTICAST } from './route.ts';

const NETFILTER_DROP = reason('NETFILTER_DROP');
const PKT_TOO_BIG = reason('PKT_TOO_BIG');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');

/**
 * ip_local_out: send what this host made. Length and header checksum are set here.
 * @returns 0, or a negative errno; the packet is gone either way
 */
export function ipLocalOut(ns: Netns, pkt: Packet): number {
  ipv4.setTotalLength(pkt.view, pkt.l3, pkt.end - pkt.l3);
  ipv4.fillChecksum(pkt.view, pkt.l3);
  return ipLocalOutHook(ns, pkt);
}

/** LOCAL_OUT, then output. */
export function ipLocalOutHook(ns: Netns, pkt: Packet): number {
  pkt.protocol = ethernet.ETH_P_IP;
  pkt.l4 = pkt.l3 + ipv4.headerLength(pkt.view, pkt.l3);
  const verdict = ns.hooks4.run(OUTPUT, pkt, ns.noDevice, ns.devices[pkt.oif]!);
  if (verdict === NF_ACCEPT) return dstOutput(ns, pkt);
  if (verdict !== NF_DROP) return 0;
  // A hook that could not reroute the packet left its error (NF_DROP_ERR).
  const error = pkt.routeError || EPERM;
  ns.drop(pkt, pkt.reason || NETFILTER_DROP);
  return -error;
}

/** dst_output. */
function dstOutput(ns: Netns, pkt: Packet): number {
  if (pkt.routeError !== 0) {
    ns.drop(pkt, NOT_SPECIFIED);
    return -EINVAL;
  }
  if ((pkt.routeFlags & RT_LOOP_BACK) !== 0) return ipMulticastOutput(ns, pkt);
  return ipOutput(ns, pkt);
}

/** ip_output: POSTROUTING, then out of the route's device. Runs per packet: no allocation. */
export function ipOutput(ns: Netns, pkt: Packet): number {
  pkt.protocol = ethernet.ETH_P_IP;
  if ((pkt.flags & FLAG_REROUTED) === 0) {
    const verdict = ns.hooks4.run(POSTROUTING, pkt, ns.devices[pkt.iif]!, ns.devices[pkt.oif]!);
    if (verdict !== NF_ACCEPT) {
      if (verdict !== NF_DROP) return 0;
      ns.drop(pkt, pkt.reason || NETFILTER_DROP);
      return -EPERM;
    }
  }
  return ipFinishOutput(ns, pkt);
}

/** ip_mc_output: this host hears its own broadcasts. */
function ipMulticastOutput(ns: Netns, pkt: Packet): number {
  const { routeFlags } = pkt;
  const multicast = (routeFlags & RTCF_MULTICAST) !== 0;
  const hears = multicast ? (routeFlags & RTCF_LOCAL) !== 0 || (pkt.flags & FLAG_FORWARDED) === 0 : true;
  if (hears && (routeFlags & (RTCF_BROADCAST | RTCF_MULTICAST)) !== 0) loopBack(ns, pkt);
  if (multicast && ipv4.ttl(pkt.view, pkt.l3) === 0) {
    ns.drop(pkt, NOT_SPECIFIED);
    return 0;
  }
  return ipOutput(ns, pkt);
}

/** ip_mc_finish_output: a copy comes in by the device that the packet leaves by. */
function loopBack(ns: Netns, pkt: Packet): void {
  const copy = ns.pool.copy(pkt);
  if (copy === null) return;
  const dev = ns.devices[pkt.oif]!;
  if (!ns.hook4(POSTROUTING, copy, ns.noDevice, dev)) return;
  copy.pktType = PACKET_LOOPBACK;
  copy.flags |= FLAG_CSUM_OK;
  copy.push(ethernet.HEADER_LEN);
  copy.bytes.fill(0, copy.data, copy.data + ethernet.HEADER_LEN);
  ethernet.setType(copy.view, copy.data, ethernet.ETH_P_IP);
  ns.world.backlog.push(dev, copy);
  // A process is interrupted by it at once; what the kernel sends goes on first.
  if ((pkt.flags & FLAG_SOCKET) !== 0) ns.world.backlog.run();
}

/** ip_finish_output: fragments where the packet is too big, or came in fragments. */
function ipFinishOutput(ns: Netns, pkt: Packet): number {
  const mtu = pkt.pathMtu;
  if (pkt.end - pkt.l3 > mtu || pkt.fragMax !== 0) return ipFragment(ns, pkt, mtu);
  return ns.ip.finishOutput(pkt);
}

/** ip_fragment: what must not be fragmented is answered with its path's MTU. */
function ipFragment(ns: Netns, pkt: Packet, mtu: number): number {
  const { view, l3, fragMax } = pkt;
  // skb->ignore_df: conntrack reassembled it.
  const free = (pkt.flags & FLAG_DEFRAG) !== 0;
  if ((ipv4.fragment(view, l3) & ipv4.DF) !== 0 && (!free || fragMax > mtu)) {
    ns.icmp.send(pkt, icmp.DEST_UNREACH, icmp.FRAG_NEEDED, mtu);
    ns.drop(pkt, PKT_TOO_BIG);
    return -EMSGSIZE;
  }
  return fragmentPacket(ns, pkt, mtu, ns.ip);
}
