/**
 * What identifies one direction of a connection: struct nf_conntrack_tuple, and how it is read from a packet
 * (nf_ct_get_tuple and get_l4proto, net/netfilter/nf_conntrack_core.c).
 *
 * An address is its last word (all of an IPv4 address) in `src` and `dst`; the three words before it, for IPv6 only, are in
 * `srcHigh` and `dstHigh`. So IPv4 costs two integers and the trackers do not care which family they see. @module
 */
import * as gre from '../packet/gre.ts';
import * as icmp from '../packet/icmp.ts';
import * as ip from '../packet/ipv4.ts';
import * as ip6 from '../packet/ipv6.ts';
import * as ext from '../packet/ipv6-ext.ts';

export const IPV4 = 4;
export const IPV6 = 6;

/** High words of an address; read only for IPv6. */
export type HighWords = Int32Array;

/** One direction of a connection, in fields that are reused. */
export class Tuple {
  /** IPV4 or IPV6. */
  family: number = IPV4;
  protocol = 0;
  src = 0;
  dst = 0;
  readonly srcHigh: HighWords = new Int32Array(3);
  readonly dstHigh: HighWords = new Int32Array(3);
  /** Port, echo id, or 0 where the protocol has none (union nf_conntrack_man_proto). */
  srcPort = 0;
  /** Port, ICMP type << 8 | code, GRE key, or 0. */
  dstPort = 0;

  copy(from: Tuple): void {
    this.family = from.family;
    this.protocol = from.protocol;
    this.src = from.src;
    this.dst = from.dst;
    this.srcPort = from.srcPort;
    this.dstPort = from.dstPort;
    if (from.family === IPV6) {
      this.srcHigh.set(from.srcHigh);
      this.dstHigh.set(from.dstHigh);
    }
  }

  /** Become the tuple of `from`'s answers; false when there can be none (an ICMP type that is no query). nf_ct_invert_tuple. */
  invert(from: Tuple): boolean {
    this.family = from.family;
    this.protocol = from.protocol;
    this.src = from.dst;
    this.dst = from.src;
    if (from.family === IPV6) {
      this.srcHigh.set(from.dstHigh);
      this.dstHigh.set(from.srcHigh);
    }
    if (from.protocol === ip.ICMP || from.protocol === ip.ICMPV6) return this.invertIcmp(from);
    this.srcPort = from.dstPort;
    this.dstPort = from.srcPort;
    return true;
  }

  private invertIcmp(from: Tuple): boolean {
    const type = from.dstPort >>> 8;
    const inverse = from.protocol === ip.ICMP ? icmp.inverse(type) : inverseIcmpv6(type);
    this.srcPort = from.srcPort;
    this.dstPort = (inverse << 8) | (from.dstPort & 255);
    return inverse >= 0;
  }

  equals(other: Tuple): boolean {
    return (
      this.src === other.src &&
      this.dst === other.dst &&
      this.srcPort === other.srcPort &&
      this.dstPort === other.dstPort &&
      this.protocol === other.protocol &&
      this.family === other.family &&
      (this.family === IPV4 || (sameHigh(this.srcHigh, other.srcHigh) && sameHigh(this.dstHigh, other.dstHigh)))
    );
  }
}

const sameHigh = (a: HighWords, b: HighWords): boolean => a[0] === b[0] && a[1] === b[1] && a[2] === b[2];

/** Echo and node information, RFC 4443 and 4620; -1 for a type that is no query. */
function inverseIcmpv6(type: number): number {
  switch (type) {
    case 128:
    case 139:
      return type + 1;
    case 129:
    case 140:
      return type - 1;
    default:
      return -1;
  }
}

/** Where a transport header begins and which one it is; `dataoff` is an offset in the arena, or -1. */
export class Transport {
  dataoff = -1;
  protocol = 0;
  private readonly found = new ext.Found();

  /**
   * Find the transport header of the IP header at `at` (get_l4proto). False for a later fragment, a header that is cut, or
   * one that says it is longer than the packet. Runs per packet: no allocation.
   */
  find(v: DataView, at: number, end: number, family: number): boolean {
    return family === IPV4 ? this.find4(v, at, end) : this.find6(v, at, end);
  }

  private find4(v: DataView, at: number, end: number): boolean {
    if (end - at < ip.HEADER_LEN || (ip.fragment(v, at) & ip.OFFSET_MASK) !== 0) return false;
    this.dataoff = at + ip.headerLength(v, at);
    this.protocol = ip.protocol(v, at);
    return this.dataoff <= end;
  }

  private find6(v: DataView, at: number, end: number): boolean {
    if (end - at < ip6.HEADER_LEN) return false;
    const { found } = this;
    if (!ext.skip(v, at + ip6.HEADER_LEN, end, ip6.nextHeader(v, at), found)) return false;
    this.dataoff = found.at;
    this.protocol = found.protocol;
    return found.fragmentOffset === 0;
  }
}

/**
 * Read the tuple of the packet whose IP header is at `at` and whose transport header `transport` found. False when the
 * transport header is cut before what is needed, or is an enhanced GRE header of another protocol than PPP.
 * Runs per packet: no allocation.
 */
export function readTuple(v: DataView, at: number, end: number, family: number, l4: Transport, to: Tuple): boolean {
  to.family = family;
  to.protocol = l4.protocol;
  if (family === IPV4) {
    to.src = ip.src(v, at);
    to.dst = ip.dst(v, at);
  } else readAddresses6(v, at, to);
  const { dataoff } = l4;
  switch (l4.protocol) {
    case ip.TCP:
    case ip.UDP:
    case ip.UDPLITE:
    case ip.SCTP:
      if (end - dataoff < 4) return false;
      to.srcPort = v.getUint16(dataoff);
      to.dstPort = v.getUint16(dataoff + 2);
      return true;
    case ip.ICMP:
    case ip.ICMPV6:
      if (end - dataoff < icmp.HEADER_LEN) return false;
      to.srcPort = icmp.id(v, dataoff);
      to.dstPort = v.getUint16(dataoff);
      return true;
    case ip.GRE:
      return readGre(v, dataoff, end, to);
    default:
      to.srcPort = 0;
      to.dstPort = 0;
      return true;
  }
}

function readAddresses6(v: DataView, at: number, to: Tuple): void {
  for (let i = 0; i < 3; i++) {
    to.srcHigh[i] = ip6.srcWord(v, at, i);
    to.dstHigh[i] = ip6.dstWord(v, at, i);
  }
  to.src = ip6.srcWord(v, at, 3);
  to.dst = ip6.dstWord(v, at, 3);
}

/** gre_pkt_to_tuple: only PPTP's version 1 has a key, its call id; without its helper nothing knows the source key. */
function readGre(v: DataView, at: number, end: number, to: Tuple): boolean {
  to.srcPort = 0;
  to.dstPort = 0;
  if (end - at < gre.HEADER_LEN || gre.version(v, at) !== 1) return true;
  if (end - at < gre.PPTP_HEADER_LEN) return true;
  if (gre.protocol(v, at) !== gre.PPP) return false;
  to.dstPort = gre.callId(v, at);
  return true;
}
