/** ECN of a packet in a packet, RFC 6040 as include/net/inet_ecn.h does it. @module */
import * as ethernet from '../packet/ethernet.ts';
import * as ipv4 from '../packet/ipv4.ts';

const MASK = 3;
const NOT_ECT = 0;
const ECT_1 = 1;
const ECT_0 = 2;
const CE = 3;

/** The outer TOS for an inner one: the outer's DSCP, and ECT of the inner, where CE becomes ECT(0). INET_ECN_encapsulate. */
export function encapsulate(outer: number, inner: number): number {
  const ecn = inner & MASK;
  return (outer & ~MASK) | (ecn === CE ? ECT_0 : ecn);
}

/**
 * Carry congestion met on the way into the inner header at `at` of `v` (of an ethertype that the frame ends up with).
 * @returns false when the packet must be dropped: it met congestion and its sender cannot be told. IP_ECN_decapsulate
 */
export function decapsulate(outer: number, v: DataView, at: number, end: number, protocol: number): boolean {
  const inner = dsfield(v, at, end, protocol);
  if (inner < 0) return true;
  const ecn = outer & MASK;
  if ((inner & MASK) === NOT_ECT) return ecn !== CE;
  if (ecn === CE) setEcn(v, at, protocol, CE);
  // Only a packet that could say ECT(0) is raised to ECT(1).
  else if (ecn === ECT_1 && (inner & MASK) === ECT_0) setEcn(v, at, protocol, ECT_1);
  return true;
}

/** TOS or traffic class of an inner header; -1 for what has none. ip_tunnel_get_dsfield. */
export function dsfield(v: DataView, at: number, end: number, protocol: number): number {
  if (protocol === ethernet.ETH_P_IP) return end - at < ipv4.HEADER_LEN ? -1 : ipv4.tos(v, at);
  if (protocol === ethernet.ETH_P_IPV6 && end - at >= 2) return (v.getUint16(at) >>> 4) & 0xff;
  return -1;
}

/** The checksum changes as IP_ECN_set_ce and IP_ECN_set_ect1 change it: a result of all ones stays. */
function setEcn(v: DataView, at: number, protocol: number, ecn: number): void {
  if (protocol !== ethernet.ETH_P_IP) {
    v.setUint16(at, (v.getUint16(at) & ~(MASK << 4)) | (ecn << 4));
    return;
  }
  const tos = ipv4.tos(v, at);
  const less = (tos & MASK) - ecn;
  const check = ipv4.checksum(v, at) + (less < 0 ? 0xffff + less : less);
  ipv4.setChecksum(v, at, (check & 0xffff) + (check >>> 16));
  v.setUint8(at + 1, (tos & ~MASK) | ecn);
}
