/**
 * Rewriting a packet to a tuple: nf_nat_manip_pkt and the *_manip_pkt functions, net/netfilter/nf_nat_proto.c. Checksums are
 * corrected, never computed anew (SCTP's excepted): one that was wrong stays as wrong as it was. @module
 */
import { geometryPull } from '../net/geometry.ts';
import * as sum from '../packet/checksum.ts';
import * as gre from '../packet/gre.ts';
import * as icmp from '../packet/icmp.ts';
import * as ip from '../packet/ipv4.ts';
import * as ip6 from '../packet/ipv6.ts';
import type { Packet } from '../packet/packet.ts';
import * as sctp from '../packet/sctp.ts';
import * as tcp from '../packet/tcp.ts';
import * as udp from '../packet/udp.ts';
import { MANIP_DST, MANIP_SRC } from './status.ts';
import { IPV4, Transport, type Tuple } from './tuple.ts';

const ECHO_REQUEST6 = 128;
const ECHO_REPLY6 = 129;

/** inet_proto_csum_replace4 works on 32 bits and so never gives 0xffff, which the 16-bit formula can. */
function replace(checksum: number, from: number, to: number): number {
  const result = sum.replace32(checksum, from, to);
  return result === 0xffff ? 0 : result;
}

/** One object per namespace: where the packet's headers are while it is rewritten. */
export class Mangler {
  private readonly transport = new Transport();

  /**
   * Rewrite the source (MANIP_SRC) or destination of the IP packet at `l3`, which may be one that an ICMP error quotes, to
   * what `target` has, addresses and ports. False when it is too short: it must be dropped. Runs per packet: no allocation.
   */
  rewrite(pkt: Packet, l3: number, target: Tuple, manip: number): boolean {
    return target.family === IPV4 ? this.rewrite4(pkt, l3, target, manip) : this.rewrite6(pkt, l3, target, manip);
  }

  private rewrite4(pkt: Packet, l3: number, target: Tuple, manip: number): boolean {
    const { view: v } = pkt;
    if (pkt.end - l3 < ip.HEADER_LEN) return false;
    if (!this.rewriteTransport(pkt, l3, l3 + ip.headerLength(v, l3), target, manip)) return false;
    const at = manip === MANIP_SRC ? l3 + 12 : l3 + 16;
    const to = manip === MANIP_SRC ? target.src : target.dst;
    ip.setChecksum(v, l3, replace(ip.checksum(v, l3), v.getInt32(at), to));
    v.setInt32(at, to);
    return true;
  }

  private rewrite6(pkt: Packet, l3: number, target: Tuple, manip: number): boolean {
    const { view: v, end } = pkt;
    const { transport } = this;
    if (end - l3 < ip6.HEADER_LEN) return false;
    const found = transport.find(v, l3, end, target.family);
    if (found && !this.rewriteTransport(pkt, l3, transport.dataoff, target, manip)) return false;
    const at = l3 + (manip === MANIP_SRC ? ip6.SRC : ip6.DST);
    const high = manip === MANIP_SRC ? target.srcHigh : target.dstHigh;
    for (let i = 0; i < 3; i++) v.setInt32(at + 4 * i, high[i]!);
    v.setInt32(at + 12, manip === MANIP_SRC ? target.src : target.dst);
    return true;
  }

  /** l4proto_manip_pkt: by the protocol of the tuple, which for the outer header of an ICMP error is ICMP. */
  private rewriteTransport(pkt: Packet, l3: number, at: number, target: Tuple, manip: number): boolean {
    switch (target.protocol) {
      case ip.UDP:
      case ip.UDPLITE:
        return this.rewriteUdp(pkt, l3, at, target, manip);
      case ip.TCP:
        return this.rewriteTcp(pkt, l3, at, target, manip);
      case ip.SCTP:
        return rewriteSctp(pkt, at, target, manip);
      case ip.ICMP:
        return rewriteIcmp(pkt, at, target);
      case ip.ICMPV6:
        return this.rewriteIcmp6(pkt, l3, at, target, manip);
      case ip.GRE:
        return rewriteGre(pkt, at, target, manip);
      default:
        return true;
    }
  }

  /** What a transport checksum becomes when an address in the pseudo header changes. nf_csum_update. */
  private readdress(v: DataView, l3: number, checksum: number, target: Tuple, manip: number): number {
    if (target.family === IPV4) {
      const from = manip === MANIP_SRC ? ip.src(v, l3) : ip.dst(v, l3);
      return replace(checksum, from, manip === MANIP_SRC ? target.src : target.dst);
    }
    const at = l3 + (manip === MANIP_SRC ? ip6.SRC : ip6.DST);
    const high = manip === MANIP_SRC ? target.srcHigh : target.dstHigh;
    let result = checksum;
    for (let i = 0; i < 3; i++) result = replace(result, v.getInt32(at + 4 * i), high[i]!);
    return replace(result, v.getInt32(at + 12), manip === MANIP_SRC ? target.src : target.dst);
  }

  private rewriteUdp(pkt: Packet, l3: number, at: number, target: Tuple, manip: number): boolean {
    const { view: v } = pkt;
    if (pkt.end - at < udp.HEADER_LEN) return false;
    const from = portOf(v, at, manip);
    const to = manip === MANIP_SRC ? target.srcPort : target.dstPort;
    const old = udp.checksum(v, at);
    // A UDP-Lite checksum is never absent.
    if (old !== 0 || target.protocol === ip.UDPLITE) {
      const addressed = this.readdress(v, l3, old, target, manip);
      udp.setChecksum(v, at, replace(addressed, from, to) || 0xffff);
    }
    setPort(v, at, manip, to);
    return true;
  }

  /** A quoted segment may be cut after eight bytes; its checksum is then out of reach. */
  private rewriteTcp(pkt: Packet, l3: number, at: number, target: Tuple, manip: number): boolean {
    const { view: v } = pkt;
    if (pkt.end - at < 8) return false;
    if (at === pkt.l4) geometryPull(pkt, at, tcp.HEADER_LEN);
    const from = portOf(v, at, manip);
    const to = manip === MANIP_SRC ? target.srcPort : target.dstPort;
    setPort(v, at, manip, to);
    if (pkt.end - at < tcp.HEADER_LEN) return true;
    const addressed = this.readdress(v, l3, tcp.checksum(v, at), target, manip);
    tcp.setChecksum(v, at, replace(addressed, from, to));
    return true;
  }

  private rewriteIcmp6(pkt: Packet, l3: number, at: number, target: Tuple, manip: number): boolean {
    const { view: v } = pkt;
    if (pkt.end - at < icmp.HEADER_LEN) return false;
    let checksum = this.readdress(v, l3, icmp.checksum(v, at), target, manip);
    const type = icmp.type(v, at);
    if (type === ECHO_REQUEST6 || type === ECHO_REPLY6) {
      checksum = replace(checksum, icmp.id(v, at), target.srcPort);
      icmp.setId(v, at, target.srcPort);
    }
    icmp.setChecksum(v, at, checksum);
    return true;
  }
}

const portOf = (v: DataView, at: number, manip: number): number => v.getUint16(manip === MANIP_SRC ? at : at + 2);

const setPort = (v: DataView, at: number, manip: number, port: number): void =>
  v.setUint16(manip === MANIP_SRC ? at : at + 2, port);

function rewriteSctp(pkt: Packet, at: number, target: Tuple, manip: number): boolean {
  const { view: v } = pkt;
  if (pkt.end - at < 8) return false;
  if (at === pkt.l4) geometryPull(pkt, at, sctp.HEADER_LEN);
  setPort(v, at, manip, manip === MANIP_SRC ? target.srcPort : target.dstPort);
  if (pkt.end - at >= sctp.HEADER_LEN) sctp.fillChecksum(v, at, pkt.end);
  return true;
}

function rewriteIcmp(pkt: Packet, at: number, target: Tuple): boolean {
  const { view: v } = pkt;
  if (pkt.end - at < icmp.HEADER_LEN) return false;
  if (!icmp.isQuery(icmp.type(v, at))) return true;
  icmp.setChecksum(v, at, replace(icmp.checksum(v, at), icmp.id(v, at), target.srcPort));
  icmp.setId(v, at, target.srcPort);
  return true;
}

/** Only the destination's key, PPTP's call id, is in the packet. */
function rewriteGre(pkt: Packet, at: number, target: Tuple, manip: number): boolean {
  const { view: v } = pkt;
  if (pkt.end - at < gre.PPTP_HEADER_LEN) return false;
  if (manip !== MANIP_DST) return true;
  const version = gre.version(v, at);
  if (version === 1) gre.setCallId(v, at, target.dstPort);
  return version <= 1;
}
