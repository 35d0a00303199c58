/**
 * A tunnel device below a bridge cannot fragment what must not be: it answers as if from the packet's destination that the
 * packet is too big. skb_tunnel_check_pmtu, net/ipv4/ip_tunnel_core.c. @module
 */
import * as sum from '../packet/checksum.ts';
import * as ethernet from '../packet/ethernet.ts';
import * as icmp from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';

/** Bytes of the whole answer, and of the offending packet in it. */
const ANSWER_LEN = 576;
const ICMP_HLEN = 8;
const QUOTE_LEN = ANSWER_LEN - ipv4.HEADER_LEN - ICMP_HLEN;

/**
 * Turn a frame whose IPv4 packet may not be fragmented (DF) into the ICMP error about it, on its way back.
 * @returns false when there is nothing to say; the frame is then as it was. Runs per packet: no allocation.
 */
export function fragmentationNeeded(pkt: Packet, mtu: number): boolean {
  const v = pkt.view;
  const { l2, l3 } = pkt;
  if (mtu < ANSWER_LEN || !deservesAnswer(v, l3, pkt.end)) return false;
  const front = l3 - ICMP_HLEN - ipv4.HEADER_LEN - ethernet.HEADER_LEN;
  if (front < pkt.head) return false;
  const [dstHigh, dstLow] = [ethernet.dstHigh(v, l2), ethernet.dstLow(v, l2)];
  const [srcHigh, srcLow] = [ethernet.srcHigh(v, l2), ethernet.srcLow(v, l2)];
  const [from, to, ttl] = [ipv4.dst(v, l3), ipv4.src(v, l3), ipv4.ttl(v, l3)];
  pkt.end = Math.min(pkt.end, l3 + QUOTE_LEN);
  const l4 = l3 - ICMP_HLEN;
  v.setUint32(l4, (icmp.DEST_UNREACH << 24) | (icmp.FRAG_NEEDED << 16));
  v.setUint32(l4 + 4, mtu);
  v.setUint16(l4 + 2, sum.checksum(v, l4, pkt.end));
  pkt.data = front;
  pkt.l2 = front;
  pkt.l3 = l4 - ipv4.HEADER_LEN;
  pkt.l4 = l4;
  writeHeader(v, pkt.l3, pkt.end - pkt.l3, ttl, from, to);
  ethernet.setDst(v, front, srcHigh, srcLow);
  ethernet.setSrc(v, front, dstHigh, dstLow);
  ethernet.setType(v, front, ethernet.ETH_P_IP);
  return true;
}

/** iptunnel_pmtud_check_icmp. */
function deservesAnswer(v: DataView, l3: number, end: number): boolean {
  if (ipv4.fragment(v, l3) !== ipv4.DF) return false;
  const [src, dst] = [ipv4.src(v, l3), ipv4.dst(v, l3)];
  if (isGroup(dst) || isGroup(src) || src === 0 || src >>> 24 === 127) return false;
  const l4 = l3 + ipv4.headerLength(v, l3);
  return ipv4.protocol(v, l3) !== ipv4.ICMP || l4 >= end || !icmp.isError(icmp.type(v, l4));
}

/** Multicast, or the limited broadcast. */
const isGroup = (address: number): boolean => address >>> 28 === 0xe || address === -1;

function writeHeader(v: DataView, at: number, length: number, ttl: number, from: number, to: number): void {
  v.setUint16(at, 0x4500);
  ipv4.setTotalLength(v, at, length);
  ipv4.setId(v, at, 0);
  ipv4.setFragment(v, at, ipv4.DF);
  v.setUint16(at + 8, (ttl << 8) | ipv4.ICMP);
  v.setInt32(at + 12, from);
  v.setInt32(at + 16, to);
  ipv4.fillChecksum(v, at);
}
