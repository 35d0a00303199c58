/**
 * Which of several next hops a packet takes: fib_multipath_hash (net/ipv4/route.c) and fib_select_multipath
 * (fib_semantics.c). The kernel's hash has a random key, so any choice that is the same for all packets of a flow is
 * right. @module
 */
import { isError } from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import type { NextHop, Route } from './fib-route.ts';
import type { Flow } from './flow.ts';
import type { Netns } from './netns.ts';

/** fib_multipath_hash_policy. */
const POLICY_L4 = 1;
const ICMP_HEADER_LEN = 8;

const hasPorts = (protocol: number): boolean =>
  protocol === ipv4.TCP ||
  protocol === ipv4.UDP ||
  protocol === ipv4.SCTP ||
  protocol === ipv4.DCCP ||
  protocol === ipv4.UDPLITE;

/** Picks the next hop of a route that has several, in one namespace. */
export class Multipath {
  private readonly ns: Netns;
  private readonly key: number;
  private policy = 0;

  constructor(ns: Netns) {
    this.ns = ns;
    this.key = ns.random.u32() | 0;
    ns.sysctl.watch('net.ipv4.fib_multipath_hash_policy', 0, (value) => {
      this.policy = value;
    });
  }

  /**
   * The hop whose share of 31 bits the hash falls into; one whose own source (nh_saddr) is `source` (int32, 0: none) goes
   * before the others: fib_select_multipath.
   */
  select(route: Route, hash: number, source: number): NextHop {
    const { addresses } = this.ns;
    let best = -1;
    let chosen = route.nextHops[0]!;
    for (let i = 0; i < route.nextHops.length; i++) {
      const hop = route.nextHops[i]!;
      if (hop.upperBound < 0) continue;
      const isOwn = source !== 0 && addresses.select(hop.dev!, hop.gateway, route.scope) === source;
      const score = (isOwn ? 2 : 0) + (hash <= hop.upperBound ? 1 : 0);
      if (score <= best) continue;
      best = score;
      chosen = hop;
      if (score === 3 || (source === 0 && score === 1)) break;
    }
    return chosen;
  }

  /** Read protocol and ports of an IPv4 packet into a flow, as far as it has them. */
  dissect(pkt: Packet, flow: Flow): void {
    const { view, l3, end } = pkt;
    if (l3 < 0 || end - l3 < ipv4.HEADER_LEN || ipv4.version(view, l3) !== 4) return;
    flow.protocol = ipv4.protocol(view, l3);
    const l4 = l3 + ipv4.headerLength(view, l3);
    if (!hasPorts(flow.protocol) || ipv4.isFragment(view, l3) || end - l4 < 4) return;
    flow.srcPort = view.getUint16(l4);
    flow.dstPort = view.getUint16(l4 + 2);
  }

  /** The same for the way back. */
  dissectReverse(pkt: Packet, flow: Flow): void {
    this.dissect(pkt, flow);
    const { srcPort } = flow;
    flow.srcPort = flow.dstPort;
    flow.dstPort = srcPort;
  }

  /** 31 bits for a packet that is forwarded. */
  hash(pkt: Packet, flow: Flow): number {
    if (this.policy === POLICY_L4) {
      this.dissect(pkt, flow);
      return this.mix(flow.src, flow.dst, (flow.srcPort << 16) | flow.dstPort, flow.protocol);
    }
    const { view, l3, end } = pkt;
    const inner = quoted(pkt);
    // An ICMP error goes the way of the packet that it is about.
    if (inner >= 0 && end - inner >= ipv4.HEADER_LEN) {
      return this.mix(ipv4.dst(view, inner), ipv4.src(view, inner), 0, 0);
    }
    return this.mix(ipv4.src(view, l3), ipv4.dst(view, l3), 0, 0);
  }

  /** 31 bits for a packet of this host. */
  hashOutput(flow: Flow): number {
    if (this.policy === POLICY_L4) {
      return this.mix(flow.src, flow.dst, (flow.srcPort << 16) | flow.dstPort, flow.protocol);
    }
    return this.mix(flow.src, flow.dst, 0, 0);
  }

  private mix(a: number, b: number, c: number, d: number): number {
    let hash = this.key;
    hash = round(hash, a);
    hash = round(hash, b);
    hash = round(hash, c);
    hash = round(hash, d);
    return (hash ^ (hash >>> 15)) >>> 1;
  }
}

function round(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1);
  return Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
}

/** Where the packet that an ICMP error quotes begins, or -1. */
function quoted({ view, l3, end }: Packet): number {
  if (ipv4.protocol(view, l3) !== ipv4.ICMP || ipv4.fragmentOffset(view, l3) !== 0) return -1;
  const l4 = l3 + ipv4.headerLength(view, l3);
  return end - l4 > ICMP_HEADER_LEN && isError(view.getUint8(l4)) ? l4 + ICMP_HEADER_LEN : -1;
}
