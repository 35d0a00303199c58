/** An IPv6 packet on its way through: ip6_forward, net/ipv6/ip6_output.c. @module */
import * as icmpv6 from '../packet/icmpv6.ts';
import * as ipv6 from '../packet/ipv6.ts';
import * as ext from '../packet/ipv6-ext.ts';
import { FLAG_CSUM_OK, FLAG_DEFRAG, FLAG_FORWARDED, PACKET_HOST, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { FORCE_FORWARDING, FORWARDING, PROXY_NDP } from './dev-conf6.ts';
import type { Device } from './device.ts';
import { FORWARD } from './hook.ts';
import { type In6, in6, isAny, isLinkLocal, isLoopback, isMulticast, readIn6 } from './in6.ts';
import type { Ipv6 } from './ip6.ts';
import { IP6_SRCRT } from './ip6-exthdrs.ts';
import { MIN_MTU } from './ip6-fragment.ts';
import { ip6Output } from './ip6-output.ts';
import { REDIRECT_INTERVAL } from './ndisc.ts';
import { RT_GATEWAY } from './route.ts';

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const IP_INHDR = reason('IP_INHDR');
const IP_INADDRERRORS = reason('IP_INADDRERRORS');
const PKT_TOO_BIG = reason('PKT_TOO_BIG');
const SRC = 8;
const DST = 24;

const address: In6 = in6();
const found = new ext.Found();

/** Runs per packet: no allocation. */
export function ip6Forward(ip6: Ipv6, pkt: Packet, dev: Device): void {
  const { ns, conf } = ip6;
  const { view, l3 } = pkt;
  if (conf.global(FORWARDING) === 0 && conf.get(dev, FORCE_FORWARDING) === 0) {
    ns.drop(pkt, IP_INADDRERRORS);
    return;
  }
  if (pkt.pktType !== PACKET_HOST) {
    ns.drop(pkt, NOT_SPECIFIED);
    return;
  }
  if (ipv6.hopLimit(view, l3) <= 1) {
    ip6.icmp.send(pkt, icmpv6.TIME_EXCEED, icmpv6.EXC_HOPLIMIT, 0);
    ns.drop(pkt, IP_INHDR);
    return;
  }
  if (conf.global(PROXY_NDP) !== 0 && ip6.neigh.isProxy6(dev, readIn6(view, l3 + DST, address))) {
    const proxied = proxyCheck(ip6, pkt);
    if (proxied > 0) ip6.deliver(pkt, dev);
    else if (proxied < 0) ns.drop(pkt, NOT_SPECIFIED);
    if (proxied !== 0) return;
  }
  const why = leavesWhereItCame(pkt, dev) ? redirect(ip6, pkt, dev) : checkSource(ip6, pkt);
  if (why !== 0) {
    ns.drop(pkt, why);
    return;
  }
  const out = ns.devices[pkt.oif]!;
  const mtu = Math.max(out.mtu, MIN_MTU);
  if (isTooBig(pkt, mtu)) {
    ip6.icmp.send(pkt, icmpv6.PKT_TOOBIG, 0, mtu);
    ns.drop(pkt, PKT_TOO_BIG);
    return;
  }
  pkt.flags = (pkt.flags & ~FLAG_CSUM_OK) | FLAG_FORWARDED;
  ipv6.setHopLimit(view, l3, ipv6.hopLimit(view, l3) - 1);
  if (ip6.hook(FORWARD, pkt, dev, out)) ip6Output(ip6, pkt);
}

const leavesWhereItCame = (pkt: Packet, dev: Device): boolean =>
  pkt.oif === dev.index && (pkt.optionFlags & IP6_SRCRT) === 0;

/** There is a shorter way. @returns 0 */
function redirect(ip6: Ipv6, pkt: Packet, dev: Device): number {
  readIn6(pkt.view, pkt.l3 + DST, address);
  // Redirects are limited by the address that they are about, and later by who gets them.
  if (!ip6.ns.peers.allowIcmp(String(address), REDIRECT_INTERVAL)) return 0;
  const target = (pkt.routeFlags & RT_GATEWAY) !== 0 ? ip6.fib.gateways[pkt.nextHop]! : address;
  ip6.ndisc.sendRedirect(pkt, dev, target);
  return 0;
}

/** Sources that must not leave their link. @returns 0 or the reason to drop */
function checkSource(ip6: Ipv6, pkt: Packet): number {
  readIn6(pkt.view, pkt.l3 + SRC, address);
  if (isAny(address) || isMulticast(address[0]!) || isLoopback(address)) return IP_INADDRERRORS;
  if (!isLinkLocal(address[0]!)) return 0;
  ip6.icmp.send(pkt, icmpv6.DEST_UNREACH, icmpv6.NOT_NEIGHBOUR, 0);
  return IP_INADDRERRORS;
}

/** ip6_pkt_too_big. */
function isTooBig({ l3, end, fragMax, flags }: Packet, mtu: number): boolean {
  if (end - l3 <= mtu) return false;
  // What arrived in fragments may leave in fragments of the same size.
  return fragMax > mtu || (flags & FLAG_DEFRAG) === 0;
}

/** ip6_forward_proxy_check: 1 neighbour discovery for this host to answer, -1 drop, 0 forward. */
function proxyCheck(ip6: Ipv6, pkt: Packet): number {
  const { view, l3, end } = pkt;
  const there = ext.skip(view, l3 + ipv6.HEADER_LEN, end, ipv6.nextHeader(view, l3), found);
  if (there && found.protocol === 58 && found.at < end) {
    const type = icmpv6.type(view, found.at);
    if (type >= icmpv6.ROUTER_SOLICITATION && type <= icmpv6.REDIRECT) return 1;
  }
  if (!isLinkLocal(ipv6.dstWord(view, l3, 0))) return 0;
  // A proxy for a link-local address takes nothing else: dst_link_failure.
  ip6.icmp.send(pkt, icmpv6.DEST_UNREACH, icmpv6.ADDR_UNREACH, 0);
  return -1;
}
