/** A packet on its way through: ip_forward, net/ipv4/ip_forward.c, with the redirect of route.c. @module */
import * as icmp from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import { FLAG_CSUM_OK, FLAG_FORWARDED, PACKET_HOST, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { SEND_REDIRECTS } from './dev-conf.ts';
import type { Device } from './device.ts';
import { FORWARD } from './hook.ts';
import * as options from './ip-options.ts';
import { ipOutput } from './ip-output.ts';
import type { Netns } from './netns.ts';
import { RT_GATEWAY, RT_REDIRECT } from './route.ts';
import { forwardOptions } from './source-route.ts';

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const IP_INHDR = reason('IP_INHDR');
const PKT_TOO_BIG = reason('PKT_TOO_BIG');

/** Runs per packet: no allocation. */
export function ipForward(ns: Netns, pkt: Packet, dev: Device): void {
  // Link-layer broadcasts are not forwarded.
  if (pkt.pktType !== PACKET_HOST) {
    ns.drop(pkt, NOT_SPECIFIED);
    return;
  }
  if (ipv4.ttl(pkt.view, pkt.l3) <= 1) {
    ns.icmp.send(pkt, icmp.TIME_EXCEEDED, icmp.EXC_TTL, 0);
    ns.drop(pkt, IP_INHDR);
    return;
  }
  if ((pkt.optionFlags & options.OPT_STRICT) !== 0 && (pkt.routeFlags & RT_GATEWAY) !== 0) {
    ns.icmp.send(pkt, icmp.DEST_UNREACH, icmp.SR_FAILED, 0);
    ns.drop(pkt, NOT_SPECIFIED);
    return;
  }
  // skb_forward_csum: who asks for the checksum from here on sums again.
  pkt.flags = (pkt.flags & ~FLAG_CSUM_OK) | FLAG_FORWARDED;
  if (exceedsMtu(pkt)) {
    ns.icmp.send(pkt, icmp.DEST_UNREACH, icmp.FRAG_NEEDED, pkt.pathMtu);
    ns.drop(pkt, PKT_TOO_BIG);
    return;
  }
  ipv4.decrementTtl(pkt.view, pkt.l3);
  if ((pkt.routeFlags & RT_REDIRECT) !== 0 && options.srr(pkt) === 0) sendRedirect(ns, pkt, dev);
  if (!ns.hook4(FORWARD, pkt, dev, ns.devices[pkt.oif]!)) return;
  if (ipv4.headerLength(pkt.view, pkt.l3) > ipv4.HEADER_LEN) forwardOptions(ns, pkt);
  ipOutput(ns, pkt);
}

/** ip_exceeds_mtu: too big, and not to be fragmented. */
function exceedsMtu(pkt: Packet): boolean {
  const { view, l3, end, pathMtu, fragMax } = pkt;
  if (end - l3 <= pathMtu || (ipv4.fragment(view, l3) & ipv4.DF) === 0) return false;
  // What arrived in fragments may leave in fragments of the same size (skb->ignore_df).
  return fragMax > pathMtu || fragMax === 0;
}

/** ip_rt_send_redirect. */
function sendRedirect(ns: Netns, pkt: Packet, dev: Device): void {
  if (!ns.conf.or(dev, SEND_REDIRECTS)) return;
  const source = ipv4.src(pkt.view, pkt.l3);
  if (!ns.peers.allowRedirect(source)) return;
  ns.icmp.send(pkt, icmp.REDIRECT, icmp.REDIR_HOST, pkt.nextHop);
  ns.peers.redirected(source);
}
