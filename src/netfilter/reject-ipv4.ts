/** What REJECT sends for IPv4: nf_send_unreach and nf_send_reset, net/ipv4/netfilter/nf_reject_ipv4.c. @module */
import type { Netns } from '../net/netns.ts';
import { RTCF_BROADCAST, RTCF_MULTICAST } from '../net/route.ts';
import * as sum from '../packet/checksum.ts';
import * as ethernet from '../packet/ethernet.ts';
import * as icmp from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import { FLAG_CSUM_OK, FLAG_CSUM_PARTIAL, FLAG_CSUM_VALID, FLAG_SOCKLESS, type Packet } from '../packet/packet.ts';
import * as tcp from '../packet/tcp.ts';
import * as udp from '../packet/udp.ts';
import type { Evaluation } from './extension.ts';

const RESET_LEN: number = ipv4.HEADER_LEN + tcp.HEADER_LEN;

/** An ICMP destination unreachable, unless the packet may be broken on its way: its checksum must be right. */
export function sendUnreachable(pkt: Packet, code: number, { ns }: Evaluation): void {
  if (ipv4.fragmentOffset(pkt.view, pkt.l3) !== 0) return;
  if ((pkt.flags & FLAG_CSUM_VALID) === 0 && hasChecksum(pkt) && !checksumRight(pkt)) return;
  ns.icmp.send(pkt, icmp.DEST_UNREACH, code, 0);
}

function hasChecksum(pkt: Packet): boolean {
  const at = pkt.l3 + ipv4.headerLength(pkt.view, pkt.l3);
  return coversPacket(pkt.view, at, pkt.end, ipv4.protocol(pkt.view, pkt.l3));
}

/** nf_reject_verify_csum: has the transport at `at` a checksum over all of the packet, as far as the protocol tells? */
export function coversPacket(view: DataView, at: number, end: number, protocol: number): boolean {
  switch (protocol) {
    case ipv4.UDP:
      return end - at < udp.HEADER_LEN || udp.checksum(view, at) !== 0;
    case ipv4.GRE:
    case ipv4.AH:
    case ipv4.ESP:
    case ipv4.SCTP:
    case ipv4.UDPLITE:
      return false;
    default:
      return true;
  }
}

/**
 * nf_ip_checksum. As the kernel, sum the IP header with the rest: a right one adds nothing, and one that went wrong on the
 * way (record route) makes the whole wrong.
 */
function checksumRight(pkt: Packet): boolean {
  if ((pkt.flags & (FLAG_CSUM_OK | FLAG_CSUM_PARTIAL)) !== 0) return true;
  const { view, l3, end } = pkt;
  const protocol = ipv4.protocol(view, l3);
  const pseudo = protocol === ipv4.TCP || protocol === ipv4.UDP;
  const start = pseudo ? ipv4.pseudo(view, l3, end - l3 - ipv4.headerLength(view, l3)) : 0;
  return sum.fold(sum.add(view, l3, end, start)) === 0xffff;
}

/** A RST to the sender of a TCP segment that is whole and right, and no RST itself. */
export function sendReset(pkt: Packet, scope: Evaluation): void {
  const { view, l3, end } = pkt;
  const at = l3 + ipv4.headerLength(view, l3);
  if (ipv4.fragmentOffset(view, l3) !== 0 || ipv4.protocol(view, l3) !== ipv4.TCP || end - at < tcp.HEADER_LEN) return;
  if ((tcp.flags(view, at) & tcp.RST) !== 0 || !checksumRight(pkt)) return;
  if ((pkt.routeFlags & (RTCF_BROADCAST | RTCF_MULTICAST)) !== 0) return;

  const { ns } = scope;
  const reset = ns.pool.take(RESET_LEN);
  if (reset === null) return;
  writeReset(reset, pkt, at, ns.ip.defaultTtl);
  reset.oif = pkt.oif;
  if (!ns.ip.routeMeHarder(reset)) {
    ns.pool.release(reset);
    return;
  }
  scope.conntrack.attach(reset, pkt);
  scope.conntrack.setClosing(pkt);
  if (pkt.physIn !== 0) sendBridged(reset, pkt, ns);
  else ns.ip.output(reset);
}

/** nf_reject_iphdr_put and nf_reject_ip_tcphdr_put: a header each, nothing else. */
function writeReset(reset: Packet, pkt: Packet, at: number, ttl: number): void {
  const { view: from, l3, end } = pkt;
  const { view: v, data: ip } = reset;
  const segment = ip + ipv4.HEADER_LEN;
  reset.bytes.fill(0, ip, reset.end);
  reset.l3 = ip;
  reset.l4 = segment;
  reset.protocol = ethernet.ETH_P_IP;
  reset.flags = FLAG_CSUM_OK | FLAG_CSUM_PARTIAL | FLAG_SOCKLESS;

  v.setUint8(ip, 0x45);
  ipv4.setTotalLength(v, ip, RESET_LEN);
  ipv4.setFragment(v, ip, ipv4.DF);
  v.setUint8(ip + 8, ttl);
  v.setUint8(ip + 9, ipv4.TCP);
  v.setInt32(ip + 12, ipv4.dst(from, l3));
  v.setInt32(ip + 16, ipv4.src(from, l3));
  ipv4.fillChecksum(v, ip);

  const flags = tcp.flags(from, at);
  const acked = (flags & tcp.ACK) !== 0;
  tcp.setSrcPort(v, segment, tcp.dstPort(from, at));
  tcp.setDstPort(v, segment, tcp.srcPort(from, at));
  if (acked) tcp.setSeq(v, segment, tcp.ack(from, at));
  else {
    const used =
      end - at - tcp.headerLength(from, at) + Number((flags & tcp.SYN) !== 0) + Number((flags & tcp.FIN) !== 0);
    tcp.setAck(v, segment, (tcp.seq(from, at) + used) >>> 0);
  }
  tcp.setHeaderLength(v, segment, tcp.HEADER_LEN);
  tcp.setFlags(v, segment, acked ? tcp.RST : tcp.RST | tcp.ACK);
  tcp.fillChecksum(v, segment, reset.end, ipv4.pseudo(v, ip, tcp.HEADER_LEN));
}

/** A bridged packet's RST goes straight back through the port, with the addresses of its frame exchanged. */
function sendBridged(reset: Packet, pkt: Packet, ns: Netns): void {
  const { view: from, l2 } = pkt;
  reset.push(ethernet.HEADER_LEN);
  reset.l2 = reset.data;
  const { view: v, data: at } = reset;
  ethernet.setDst(v, at, ethernet.srcHigh(from, l2), ethernet.srcLow(from, l2));
  ethernet.setSrc(v, at, ethernet.dstHigh(from, l2), ethernet.dstLow(from, l2));
  ethernet.setType(v, at, ethernet.ETH_P_IP);
  ns.devices[pkt.physIn]!.transmit(reset);
}
