/** ICMPv6 messages that this host makes: icmp6_send, icmpv6_echo_reply, net/ipv6/icmp.c. @module */
import * as icmpv6 from '../packet/icmpv6.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import * as ext from '../packet/ipv6-ext.ts';
import { FLAG_CSUM_OK, PACKET_HOST, type Packet } from '../packet/packet.ts';
import type { Stage } from '../sim/trace.ts';
import { HOP_LIMIT } from './dev-conf6.ts';
import type { Device } from './device.ts';
import { Flow6 } from './flow6.ts';
import { attach } from './icmp-send.ts';
import { type In6, in6, isAny, isLinkLocal, isMulticast, readIn6 } from './in6.ts';
import type { Ipv6 } from './ip6.ts';
import { MIN_MTU } from './ip6-fragment.ts';
import { RTN_ANYCAST } from './rtn.ts';

const OVERHEAD = ipv6.HEADER_LEN + icmpv6.HEADER_LEN;
const SRC = 8;
const DST = 24;
/** The upper two bits of an option: answer whatever the destination. */
const ANSWER_ALWAYS = 0x80;

const found = new ext.Found();

/** Sends the ICMPv6 errors of one namespace. */
export class Icmp6Sender {
  private readonly ip6: Ipv6;
  private readonly flow = new Flow6();
  private readonly about: In6 = in6();
  /** Milliseconds between two errors to one host. */
  private rateLimit = 0;
  private readonly stage: Stage;

  constructor(ip6: Ipv6) {
    this.ip6 = ip6;
    const { ns } = ip6;
    this.stage = { kind: 'icmp6', ns: ns.name, describe: (type, code, info) => ({ type, code, info }) };
    ns.sysctl.watch('net.ipv6.icmp.ratelimit', 100, (value) => {
      this.rateLimit = value;
    });
  }

  // ---- errors

  /**
   * icmp6_send: tell the sender of `pkt` (header at `pkt.l3`) about it, unless the rules forbid. `info` is the second word:
   * MTU or pointer. Does not free `pkt`.
   * @param dev where it came in, or goes out if it was made here
   */
  send(pkt: Packet, type: number, code: number, info: number, dev: Device): void {
    const { ip6, flow, about } = this;
    const { ns } = ip6;
    if (pkt.l3 < 0 || pkt.end - pkt.l3 < ipv6.HEADER_LEN || dev.index === 0) return;
    readIn6(pkt.view, pkt.l3 + DST, about);
    flow.clear();
    readIn6(pkt.view, pkt.l3 + SRC, flow.dst);
    const whole = pkt.pktType === PACKET_HOST && !isMulticast(about[0]!);
    if (!whole && type !== icmpv6.PKT_TOOBIG && !isLoudOption(pkt, type, code, info)) return;
    if (isAny(flow.dst) || isMulticast(flow.dst[0]!) || isIneligible(pkt)) return;
    if (!dev.loopback && !this.allowGlobal(type)) return;
    flow.protocol = ipv4.ICMPV6;
    flow.mark = ip6.reflectedMark(pkt);
    if (isLinkLocal(flow.dst[0]!)) flow.oif = this.linkOf(pkt, dev, about);
    const mine = ip6.addresses.has(dev, about) || ip6.addresses.isAnycast(dev, about);
    if (whole && mine) flow.src.set(about);
    else this.sourceFromInput(pkt);
    if (ip6.routing.lookup(flow) !== 0 || ip6.routing.rt.type === RTN_ANYCAST || !this.allowPeer(type)) return;
    const quoted = Math.min(pkt.end - pkt.l3, MIN_MTU - OVERHEAD);
    const error = ns.pool.take(OVERHEAD + quoted);
    if (error === null) return;
    const at = error.data + ipv6.HEADER_LEN;
    error.copyBytes(pkt, pkt.l3, pkt.l3 + quoted, at + icmpv6.HEADER_LEN);
    attach(error, pkt);
    if (ns.trace !== null) ns.trace.record(this.stage, pkt, type, code, info);
    this.push(error, type, code, info, 0);
  }

  /** icmp6_iif: a packet of this host to itself is on lo, but its route knows a link. @returns an ifindex */
  private linkOf({ oif }: Packet, dev: Device, dst: In6): number {
    if (!dev.loopback) return dev.index;
    const { ns, addresses } = this.ip6;
    if (oif !== 0 && !ns.devices[oif]!.loopback) return oif;
    return addresses.deviceOf(dst)?.index ?? dev.index;
  }

  /** The source of an error about a packet of others: the route's own, else one of the device that it came in by. */
  private sourceFromInput({ iif }: Packet): void {
    const { ip6, flow } = this;
    const routed = ip6.routing.output(flow) === 0 && ip6.routing.hasSource;
    if (routed || iif === 0) return;
    const source = ip6.addresses.select(ip6.ns.devices[iif]!, flow.dst);
    if (source !== null) flow.src.set(source);
  }

  /** icmpv6_global_allow. Informational messages and path MTU discovery are not limited. */
  private allowGlobal(type: number): boolean {
    return isFree(type) || this.ip6.ns.icmp.limit.allowAny();
  }

  /** icmpv6_xrlim_allow, towards the flow's destination. */
  private allowPeer(type: number): boolean {
    const { ip6, flow } = this;
    if (isFree(type) || ip6.routing.rt.dev!.loopback) return true;
    if (!ip6.ns.peers.allowIcmp(String(flow.dst), this.rateLimit)) return false;
    ip6.ns.icmp.limit.consume();
    return true;
  }

  // ---- replies

  /**
   * icmpv6_echo_reply, but for its conditions: the same bytes back.
   * @param source the address that was asked, or null for one of the device's
   */
  echo(pkt: Packet, dev: Device, source: In6 | null): void {
    const { ip6, flow } = this;
    const { view, l3, l4, end } = pkt;
    flow.clear();
    readIn6(view, l3 + SRC, flow.dst);
    if (source !== null) flow.src.set(source);
    flow.oif = this.linkOf(pkt, dev, readIn6(view, l3 + DST, this.about));
    flow.mark = ip6.reflectedMark(pkt);
    flow.protocol = ipv4.ICMPV6;
    if (ip6.routing.lookup(flow) !== 0) return;
    const length = end - l4 - icmpv6.HEADER_LEN;
    const out = ip6.ns.pool.take(OVERHEAD + length);
    if (out === null) return;
    out.copyBytes(pkt, l4 + icmpv6.HEADER_LEN, end, out.data + OVERHEAD);
    const code = icmpv6.code(view, l4);
    this.push(out, icmpv6.ECHO_REPLY, code, icmpv6.info(view, l4), ipv6.trafficClass(view, l3));
  }

  /** icmpv6_push_pending_frames: headers, checksum, out. Flow and route stand as the lookup left them. */
  private push(out: Packet, type: number, code: number, info: number, trafficClass: number): void {
    const { ip6, flow } = this;
    const { rt } = ip6.routing;
    const { view } = out;
    const at = out.data + ipv6.HEADER_LEN;
    icmpv6.setType(view, at, type);
    icmpv6.setCode(view, at, code);
    icmpv6.setInfo(view, at, info);
    out.mark = flow.mark;
    out.flags = FLAG_CSUM_OK;
    rt.apply(out);
    ip6.writeHeader(out, flow, trafficClass, ip6.conf.get(rt.dev!, HOP_LIMIT));
    icmpv6.fillChecksum(view, at, out.end, ipv6.pseudo(view, out.l3, ipv4.ICMPV6, out.end - at));
    ip6.output(out);
  }
}

const isFree = (type: number): boolean => !icmpv6.isError(type) || type === icmpv6.PKT_TOOBIG;

/** opt_unrec: an unknown option that wants to be answered even to a group. */
const isLoudOption = ({ view, l3, end }: Packet, type: number, code: number, info: number): boolean =>
  type === icmpv6.PARAMPROB &&
  code === icmpv6.UNK_OPTION &&
  l3 + info < end &&
  (view.getUint8(l3 + info) & 0xc0) === ANSWER_ALWAYS;

/** is_ineligible: an error, or something that may be one, is not answered. */
function isIneligible({ view, l3, end }: Packet): boolean {
  if (!ext.skip(view, l3 + ipv6.HEADER_LEN, end, ipv6.nextHeader(view, l3), found)) return false;
  if (found.protocol !== ipv4.ICMPV6) return false;
  if (found.at >= end) return found.fragmentOffset === 0;
  return icmpv6.isError(icmpv6.type(view, found.at));
}
