/** ICMP messages that this host makes: errors about packets, and replies. icmp_send, icmp_reply, net/ipv4/icmp.c. @module */
import * as sum from '../packet/checksum.ts';
import * as icmp from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import { FLAG_CSUM_OK, FLAG_CSUM_PARTIAL, PACKET_HOST, type Packet } from '../packet/packet.ts';
import * as tcp from '../packet/tcp.ts';
import type { Stage } from '../sim/trace.ts';
import { Flow } from './flow.ts';
import type { IcmpLimit } from './icmp-limit.ts';
import * as options from './ip-options.ts';
import { ipLocalOut } from './ip-output.ts';
import type { Netns } from './netns.ts';
import { RT_INPUT, RTCF_BROADCAST, RTCF_LOCAL, RTCF_MULTICAST } from './route.ts';
import { RT_SCOPE_LINK, RTN_UNICAST } from './rtn.ts';

/** RFC 1812 4.3.2.3: as much of the packet as fits into this many bytes. */
const MAX_ERROR = 576;
const TOS_MASK = 0x1e;
/** Internetwork control. */
const PRECEDENCE = 0xc0;
/** icmp_pointers[].error: 1..7 and 9..12, the unassigned and the router messages among them. */
const TAKEN_FOR_ERRORS = 0x1efe;
/** INADDR_DUMMY, RFC 7600: the source of an error from a host that has no address. */
const DUMMY_ADDRESS = 0xc0000008 | 0;
/** IP_CT_RELATED, and with IP_CT_IS_REPLY; include/uapi/linux/netfilter/nf_conntrack_common.h. */
const CT_RELATED = 1;
const CT_IS_REPLY = 3;

/** Sends the errors of one namespace. */
export class IcmpSender {
  private readonly ns: Netns;
  private readonly limit: IcmpLimit;
  private readonly flow = new Flow();
  private readonly reply = new options.ReplyOptions();
  private readonly stage: Stage;
  private fromInbound = false;
  private reflectMark = false;
  /** A message is on its way out: the CPU's one ICMP socket is taken, and what would be told about that message is not. */
  private sending = false;
  private readonly isForeign = (address: number): boolean => this.ns.fib.addressType(address) === RTN_UNICAST;

  constructor(ns: Netns, limit: IcmpLimit) {
    this.ns = ns;
    this.limit = limit;
    this.stage = { kind: 'icmp', ns: ns.name, describe: (type, code, info) => ({ type, code, info }) };
    ns.sysctl.watch('net.ipv4.icmp_errors_use_inbound_ifaddr', 0, (value) => {
      this.fromInbound = value !== 0;
    });
    ns.sysctl.watch('net.ipv4.fwmark_reflect', 0, (value) => {
      this.reflectMark = value !== 0;
    });
  }

  // ---- errors

  /**
   * __icmp_send: tell the sender of `pkt` (header at `pkt.l3`, route on it) about it, unless the rules forbid. `info` is
   * the second word (uint32): MTU, gateway, or pointer in the first byte. Does not free `pkt`.
   */
  send(pkt: Packet, type: number, code: number, info: number): void {
    const { ns, limit } = this;
    if (!this.maySend(pkt, type)) return;
    const onLoopback = pkt.iif !== 0 && ns.devices[pkt.iif]!.loopback;
    if (!onLoopback && !limit.allowGlobal(type, code)) return;
    if (this.sending) return;
    this.sending = true;
    this.sendError(pkt, type, code, info);
    this.sending = false;
  }

  private sendError(pkt: Packet, type: number, code: number, info: number): void {
    const { ns, limit } = this;
    const { view, l3 } = pkt;
    if (!this.reply.echo(pkt, this.isForeign)) return;
    const tos = icmp.isError(type) ? (ipv4.tos(view, l3) & TOS_MASK) | PRECEDENCE : ipv4.tos(view, l3);
    const { flow } = this;
    flow.clear();
    flow.dst = this.reply.firstHop || ipv4.src(view, l3);
    flow.src = this.errorSource(pkt);
    flow.tos = tos;
    flow.mark = this.reflectMark ? pkt.mark : 0;
    flow.protocol = ipv4.ICMP;
    if (ns.ip.routing.route(flow) !== 0) return;
    if (!limit.allowPeer(ns.ip.routing.rt.dev!, flow.dst, type, code)) return;
    this.pushError(pkt, type, code, info, tos);
  }

  /** Who is never told, RFC 1122 3.2.2: receivers of broadcasts, later fragments, and errors about errors. */
  private maySend(pkt: Packet, type: number): boolean {
    const { view, l3, end, routeFlags } = pkt;
    if (pkt.routeType === 0 || l3 < 0 || end - l3 < ipv4.HEADER_LEN || pkt.pktType !== PACKET_HOST) return false;
    if ((routeFlags & (RTCF_BROADCAST | RTCF_MULTICAST)) !== 0) return false;
    if (ipv4.fragmentOffset(view, l3) !== 0) return false;
    if (!icmp.isError(type) || ipv4.protocol(view, l3) !== ipv4.ICMP) return true;
    const at = l3 + ipv4.headerLength(view, l3);
    if (at >= end) return false;
    const about = icmp.type(view, at);
    return about <= icmp.NR_ICMP_TYPES && ((TAKEN_FOR_ERRORS >>> about) & 1) === 0;
  }

  /** The address that the packet was for, if it is ours; else 0 (what the route says), or the inbound device's. */
  private errorSource({ view, l3, routeFlags, iif }: Packet): number {
    if ((routeFlags & RTCF_LOCAL) !== 0) return ipv4.dst(view, l3);
    if (!this.fromInbound || (routeFlags & RT_INPUT) === 0 || iif === 0) return 0;
    return this.ns.addresses.select(this.ns.devices[iif]!, ipv4.src(view, l3), RT_SCOPE_LINK);
  }

  private pushError(pkt: Packet, type: number, code: number, info: number, tos: number): void {
    const { ns, reply } = this;
    const { rt } = ns.ip.routing;
    const overhead = ipv4.HEADER_LEN + reply.length + icmp.HEADER_LEN;
    const room = Math.min(rt.mtu, MAX_ERROR) - overhead;
    if (room <= ipv4.HEADER_LEN) return;
    const quoted = Math.min(pkt.end - pkt.l3, room);
    const error = ns.pool.take(overhead + quoted);
    if (error === null) return;
    const at = error.data + overhead - icmp.HEADER_LEN;
    error.copyBytes(pkt, pkt.l3, pkt.l3 + quoted, at + icmp.HEADER_LEN);
    if ((pkt.flags & FLAG_CSUM_PARTIAL) !== 0) quotePartial(error, at + icmp.HEADER_LEN);
    icmp.setType(error.view, at, type);
    icmp.setCode(error.view, at, code);
    icmp.setInfo(error.view, at, info);
    if (icmp.isError(type)) attach(error, pkt);
    if (ns.trace !== null) ns.trace.record(this.stage, pkt, type, code, info);
    this.push(error, at, ipv4.src(pkt.view, pkt.l3), tos);
  }

  // ---- replies

  /**
   * icmp_reply: answer the ICMP message `pkt` with one of `type`, whose data are the `length` bytes behind the header. The
   * caller fills them in `write`.
   */
  answer(pkt: Packet, type: number, code: number, length: number, write: (to: Packet, at: number) => void): void {
    if (!this.reply.echo(pkt, this.isForeign)) return;
    if (!this.limit.allowGlobal(type, code)) return;
    this.sending = true;
    this.sendAnswer(pkt, type, code, length, write);
    this.sending = false;
  }

  private sendAnswer(
    pkt: Packet,
    type: number,
    code: number,
    length: number,
    write: (to: Packet, at: number) => void,
  ): void {
    const { ns, flow, reply, limit } = this;
    const { view, l3, l4 } = pkt;
    const tos = ipv4.tos(view, l3);
    flow.clear();
    flow.dst = reply.firstHop || ipv4.src(view, l3);
    flow.src = ns.ip.optionsHost.ownAddress(pkt);
    flow.tos = tos;
    flow.mark = this.reflectMark ? pkt.mark : 0;
    flow.protocol = ipv4.ICMP;
    if (ns.ip.routing.route(flow) !== 0) return;
    if (!limit.allowPeer(ns.ip.routing.rt.dev!, flow.dst, type, code)) return;
    const overhead = ipv4.HEADER_LEN + reply.length + icmp.HEADER_LEN;
    const out = ns.pool.take(overhead + length);
    if (out === null) return;
    const at = out.data + overhead - icmp.HEADER_LEN;
    icmp.setType(out.view, at, type);
    icmp.setCode(out.view, at, code);
    icmp.setInfo(out.view, at, icmp.info(view, l4));
    write(out, at + icmp.HEADER_LEN);
    this.push(out, at, ipv4.src(view, l3), tos);
  }

  /** icmp_push_reply: checksum and IP header, then out. The route is in `routing.rt`. */
  private push(out: Packet, at: number, dst: number, tos: number): void {
    const { ns, reply, flow } = this;
    icmp.setChecksum(out.view, at, 0);
    const total = sum.add(out.view, at, out.end);
    // The kernel sums from ~0, so that nothing but zeros gives zero.
    icmp.setChecksum(out.view, at, total === 0 ? 0 : sum.finish(total));
    out.l4 = at;
    out.mark = flow.mark;
    out.flags = FLAG_CSUM_OK;
    const source = flow.src || DUMMY_ADDRESS;
    ns.ip.writeHeader(out, source, reply.firstHop || dst, ipv4.ICMP, tos, reply);
    if (reply.length > 0) reply.build(out, source, dst, ns.ip.optionsHost);
    ns.ip.routing.rt.apply(out);
    ns.ip.ids.select(out);
    ipLocalOut(ns, out);
  }
}

/** A RST of REJECT is quoted before the device sums it: it shows what the field has until then. */
function quotePartial({ view, end }: Packet, at: number): void {
  const segment = at + ipv4.headerLength(view, at);
  tcp.setChecksum(view, segment, sum.fold(ipv4.pseudo(view, at, end - segment)));
}

/** nf_ct_attach: the error belongs to the connection of the packet that it is about, the other way. */
export function attach(error: Packet, pkt: Packet): void {
  if (pkt.ct < 0) return;
  error.ct = pkt.ct;
  error.ctInfo = pkt.ctInfo >= CT_IS_REPLY ? CT_RELATED : CT_RELATED + CT_IS_REPLY;
}
