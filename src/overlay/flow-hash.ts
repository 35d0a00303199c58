/**
 * The hash of a frame's flow, equal for both directions: skb_get_hash, net/core/flow_dissector.c. Linux keys it with a
 * number drawn at boot, so only that it is constant for a flow can be relied on. @module
 */
import * as ethernet from '../packet/ethernet.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import * as vlan from '../packet/vlan.ts';

const mix = (h: number, word: number): number => {
  let x = Math.imul(h ^ word, 0x9e3779b1);
  x ^= x >>> 15;
  return Math.imul(x, 0x85ebca77) ^ (x >>> 13);
};

/** An int32 for the frame whose Ethernet header is at `l2`; `key` is any number. Runs per packet: no allocation. */
export function flowHash(v: DataView, l2: number, end: number, key: number): number {
  const l3 = vlan.payload(v, l2, end);
  if (l3 < 0) return mix(key, ethernet.type(v, l2));
  let h = key;
  for (let at = l2 + ethernet.HEADER_LEN; at < l3; at += vlan.HEADER_LEN) h = mix(h, vlan.id(v, at));
  const protocol = v.getUint16(l3 - 2);
  h = mix(h, protocol);
  if (protocol === ethernet.ETH_P_IP && end - l3 >= ipv4.HEADER_LEN) return ipv4Hash(v, l3, end, h);
  if (protocol === ethernet.ETH_P_IPV6 && end - l3 >= ipv6.HEADER_LEN) return ipv6Hash(v, l3, end, h);
  return h;
}

function ipv4Hash(v: DataView, l3: number, end: number, seed: number): number {
  const protocol = ipv4.protocol(v, l3);
  const [src, dst] = [ipv4.src(v, l3), ipv4.dst(v, l3)];
  const h = mix(mix(mix(seed, protocol), Math.min(src, dst)), Math.max(src, dst));
  const l4 = l3 + ipv4.headerLength(v, l3);
  return ipv4.isFragment(v, l3) ? h : portsHash(v, l4, end, protocol, h, src > dst);
}

function ipv6Hash(v: DataView, l3: number, end: number, seed: number): number {
  const protocol = ipv6.nextHeader(v, l3);
  let h = mix(seed, protocol);
  let order = 0;
  for (let i = 0; i < 16; i += 4) {
    const [a, b] = [v.getInt32(l3 + 8 + i), v.getInt32(l3 + 24 + i)];
    if (order === 0) order = Math.sign(a - b);
    h = mix(mix(h, order > 0 ? b : a), order > 0 ? a : b);
  }
  return portsHash(v, l3 + ipv6.HEADER_LEN, end, protocol, h, order > 0);
}

function portsHash(v: DataView, l4: number, end: number, protocol: number, h: number, swap: boolean): number {
  if ((protocol !== ipv4.TCP && protocol !== ipv4.UDP && protocol !== ipv4.SCTP) || end - l4 < 4) return h;
  const [src, dst] = [v.getUint16(l4), v.getUint16(l4 + 2)];
  return mix(h, swap ? (dst << 16) | src : (src << 16) | dst);
}
