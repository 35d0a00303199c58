/** Neighbour discovery: asking, answering, learning, redirecting. net/ipv6/ndisc.c, RFC 4861. @module */
import * as ethernet from '../packet/ethernet.ts';
import * as icmpv6 from '../packet/icmpv6.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import * as nd from '../packet/nd.ts';
import { FLAG_CSUM_OK, PACKET_HOST, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { MILLISECOND, type Task } from '../sim/clock.ts';
import {
  ACCEPT_UNTRACKED_NA,
  DROP_UNSOLICITED_NA,
  FORCE_TLLAO,
  FORWARDING,
  PROXY_NDP,
  SUPPRESS_FRAG_NDISC,
} from './dev-conf6.ts';
import type { Device } from './device.ts';
import { Flow6 } from './flow6.ts';
import {
  ALL_NODES,
  equalIn6,
  type In6,
  in6,
  isAny,
  isAt,
  isLinkLocal,
  isMulticast,
  readIn6,
  solicitedNode,
  writeIn6,
} from './in6.ts';
import type { Ipv6 } from './ip6.ts';
import { IP6_FRAGMENTED } from './ip6-exthdrs.ts';
import { ip6LocalOutHook } from './ip6-output.ts';
import { NUD_FAILED, NUD_REACHABLE, NUD_STALE, NUD_VALID, type Solicitor } from './neigh.ts';
import { APP_SOLICIT, PROXY_DELAY, PROXY_QLEN, UCAST_SOLICIT } from './neigh-conf.ts';
import { RT_GATEWAY, RTCF_MULTICAST } from './route.ts';
import { RTN_MULTICAST, RTN_UNICAST } from './rtn.ts';

const CONSUMED = reason('CONSUMED');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const IPV6_NDISC_FRAG = reason('IPV6_NDISC_FRAG');
const IPV6_NDISC_HOP_LIMIT = reason('IPV6_NDISC_HOP_LIMIT');
const IPV6_NDISC_BAD_CODE = reason('IPV6_NDISC_BAD_CODE');
const IPV6_NDISC_BAD_OPTIONS = reason('IPV6_NDISC_BAD_OPTIONS');
const IPV6_NDISC_NS_OTHERHOST = reason('IPV6_NDISC_NS_OTHERHOST');

const SRC = 8;
const DST = 24;
const TARGET = 8;
const MAX_HOPS = 255;
/** Milliseconds between two redirects to one host. */
export const REDIRECT_INTERVAL = 1000;
/** An option with an Ethernet address. */
const LL_OPTION = 8;
const MIN_MTU = 1280;
/** proxy_delay is read in hundredths of a second (USER_HZ). */
const TICK = 10 * MILLISECOND;

/** Neighbour discovery of one namespace. */
export class Ndisc implements Solicitor {
  private readonly ip6: Ipv6;
  private readonly src: In6 = in6();
  private readonly dst: In6 = in6();
  private readonly target: In6 = in6();
  private readonly asked: In6 = in6();
  private readonly group: In6 = in6();
  private readonly flow = new Flow6();
  /** Solicitations that a proxy answers after a while, by slot. */
  private readonly delayed: (Packet | null)[] = [];
  private waiting = 0;
  private readonly answerDelayed: Task = { run: (slot) => this.onDelayed(slot) };
  /** The link-layer address of the option read last. */
  private macHigh = 0;
  private macLow = 0;

  constructor(ip6: Ipv6) {
    this.ip6 = ip6;
    ip6.neigh.solicitor = this;
  }

  // ---- receive

  /** ndisc_rcv; `pkt.l4` at the ICMPv6 header. @returns the reason under which the packet ends */
  receive(pkt: Packet, dev: Device): number {
    const { view, l3, l4 } = pkt;
    const fragmented = (pkt.optionFlags & IP6_FRAGMENTED) !== 0;
    if (fragmented && this.ip6.conf.get(dev, SUPPRESS_FRAG_NDISC) !== 0) return IPV6_NDISC_FRAG;
    if (ipv6.hopLimit(view, l3) !== MAX_HOPS) return IPV6_NDISC_HOP_LIMIT;
    if (icmpv6.code(view, l4) !== 0) return IPV6_NDISC_BAD_CODE;
    readIn6(view, l3 + SRC, this.src);
    readIn6(view, l3 + DST, this.dst);
    switch (icmpv6.type(view, l4)) {
      case icmpv6.NEIGHBOUR_SOLICITATION:
        return this.solicited(pkt, dev, false);
      case icmpv6.NEIGHBOUR_ADVERTISEMENT:
        return this.advertised(pkt, dev);
      case icmpv6.ROUTER_SOLICITATION:
        return this.routerSolicited(pkt, dev);
      case icmpv6.ROUTER_ADVERTISEMENT:
        return this.routerAdvertised(pkt, dev);
      default:
        // A router does not listen to redirects, and hosts that do not are the rule here.
        return NOT_SPECIFIED;
    }
  }

  /** ndisc_recv_ns. @param late the answer was put off already */
  private solicited(pkt: Packet, dev: Device, late: boolean): number {
    const { ip6, src, dst, target } = this;
    const { view, l4, end } = pkt;
    if (end - l4 < nd.NEIGHBOUR_LEN) return PKT_TOO_SMALL;
    readIn6(view, l4 + TARGET, target);
    if (isMulticast(target[0]!)) return NOT_SPECIFIED;
    const dad = isAny(src);
    if (dad && !isSolicitedNode(dst)) return NOT_SPECIFIED;
    const option = this.readOption(pkt, nd.NEIGHBOUR_LEN, nd.SOURCE_LL_ADDR);
    if (option === BAD) return IPV6_NDISC_BAD_OPTIONS;
    if (option === UNUSABLE || (option === FOUND && dad)) return NOT_SPECIFIED;
    const multicast = isMulticast(dst[0]!);
    const mine = ip6.addresses.hasOn(dev, target);
    let router = ip6.conf.get(dev, FORWARDING) !== 0;
    if (!mine) {
      const anycast = ip6.addresses.isAnycastOn(dev, target);
      if (!anycast && !this.isProxied(dev, target)) return IPV6_NDISC_NS_OTHERHOST;
      if (!anycast) router = false;
      const delay = ip6.neigh.conf.get(dev, PROXY_DELAY);
      if (!late && pkt.pktType !== PACKET_HOST && multicast && delay !== 0) return this.postpone(pkt, delay, dev);
    }
    if (dad) {
      this.sendAdvertisement(dev, ALL_NODES, router, false, mine, true);
      return NOT_SPECIFIED;
    }
    const create = !multicast || option === FOUND;
    const row = create ? ip6.neigh.lookupOrCreate6(dev, src) : ip6.neigh.find6(dev, src);
    if (row < 0) return NOT_SPECIFIED;
    this.update(row, option === FOUND, NUD_STALE, true);
    this.sendAdvertisement(dev, src, router, true, mine && multicast, multicast);
    return CONSUMED;
  }

  private isProxied(dev: Device, target: In6): boolean {
    const { conf, neigh } = this.ip6;
    return conf.get(dev, FORWARDING) !== 0 && conf.or(dev, PROXY_NDP) && neigh.isProxy6(dev, target);
  }

  /** neigh_update with what a message says. Without an address the one that is known stands. */
  private update(row: number, hasMac: boolean, state: number, override: boolean): void {
    const { neigh } = this.ip6;
    const { table } = neigh;
    if (hasMac) neigh.update(row, this.macHigh, this.macLow, state, override, false, true);
    else if ((table.state[row]! & NUD_VALID) !== 0) {
      neigh.update(row, table.macHigh[row]!, table.macLow[row]!, state, override, false, true);
    }
  }

  /** ndisc_recv_na. */
  private advertised(pkt: Packet, dev: Device): number {
    const { ip6, dst, target } = this;
    const { view, l4, end } = pkt;
    if (end - l4 < nd.NEIGHBOUR_LEN) return PKT_TOO_SMALL;
    readIn6(view, l4 + TARGET, target);
    const flags = nd.flags(view, l4);
    const solicited = (flags & nd.SOLICITED) !== 0;
    if (isMulticast(target[0]!) || (isMulticast(dst[0]!) && solicited)) return NOT_SPECIFIED;
    if (!solicited && ip6.conf.or(dev, DROP_UNSOLICITED_NA)) return NOT_SPECIFIED;
    const option = this.readOption(pkt, nd.NEIGHBOUR_LEN, nd.TARGET_LL_ADDR);
    if (option === BAD) return IPV6_NDISC_BAD_OPTIONS;
    if (option === UNUSABLE || ip6.addresses.hasOn(dev, target)) return NOT_SPECIFIED;
    let row = ip6.neigh.find6(dev, target);
    let state = solicited ? NUD_REACHABLE : NUD_STALE;
    if (row < 0 && option === FOUND && ip6.conf.get(dev, FORWARDING) !== 0 && this.acceptsUntracked(dev)) {
      row = ip6.neigh.lookupOrCreate6(dev, target);
      state = NUD_STALE;
    }
    if (row < 0 || (ip6.neigh.table.state[row]! & NUD_FAILED) !== 0) return NOT_SPECIFIED;
    if (option === FOUND && this.isEcho(dev)) return NOT_SPECIFIED;
    this.update(row, option === FOUND, state, (flags & nd.OVERRIDE) !== 0);
    return CONSUMED;
  }

  private acceptsUntracked(dev: Device): boolean {
    const { conf, addresses } = this.ip6;
    const value = Math.max(conf.global(ACCEPT_UNTRACKED_NA), conf.get(dev, ACCEPT_UNTRACKED_NA));
    return value === 1 || (value === 2 && addresses.of(dev).some((own) => equalIn6(own.address, this.src)));
  }

  /** A proxy's own advertisement that came back. */
  private isEcho(dev: Device): boolean {
    if (this.macHigh !== dev.macHigh || this.macLow !== dev.macLow) return false;
    const { conf, neigh } = this.ip6;
    return conf.global(FORWARDING) !== 0 && conf.global(PROXY_NDP) !== 0 && neigh.isProxy6(dev, this.target);
  }

  /** ndisc_recv_rs: a router learns who asks. */
  private routerSolicited(pkt: Packet, dev: Device): number {
    const { ip6, src } = this;
    if (pkt.end - pkt.l4 < nd.RS_LEN) return PKT_TOO_SMALL;
    if (ip6.conf.get(dev, FORWARDING) === 0 || isAny(src)) return NOT_SPECIFIED;
    const option = this.readOption(pkt, nd.RS_LEN, nd.SOURCE_LL_ADDR);
    if (option === BAD) return IPV6_NDISC_BAD_OPTIONS;
    if (option === UNUSABLE) return NOT_SPECIFIED;
    const row = ip6.neigh.lookupOrCreate6(dev, src);
    if (row < 0) return NOT_SPECIFIED;
    this.update(row, option === FOUND, NUD_STALE, true);
    return CONSUMED;
  }

  /** ndisc_router_discovery of who does not accept advertisements: the router is a neighbour all the same. */
  private routerAdvertised(pkt: Packet, dev: Device): number {
    const { ip6, src } = this;
    if (pkt.end - pkt.l4 < nd.RA_LEN) return PKT_TOO_SMALL;
    if (!isLinkLocal(src[0]!)) return NOT_SPECIFIED;
    const option = this.readOption(pkt, nd.RA_LEN, nd.SOURCE_LL_ADDR);
    if (option === BAD) return IPV6_NDISC_BAD_OPTIONS;
    const row = ip6.neigh.lookupOrCreate6(dev, src);
    if (row < 0 || option === UNUSABLE) return NOT_SPECIFIED;
    this.update(row, option === FOUND, NUD_STALE, true);
    return CONSUMED;
  }

  /** ndisc_parse_options, and the address in the last option `wanted`, into `macHigh` and `macLow`. */
  private readOption({ view, l4, end }: Packet, header: number, wanted: number): number {
    let option = ABSENT;
    for (let i = l4 + header; i < end; ) {
      const length = end - i < 2 ? 0 : nd.optionLength(view, i);
      if (length === 0 || length > end - i) return BAD;
      if (nd.optionType(view, i) === wanted) {
        if (option === ABSENT) option = length === LL_OPTION ? FOUND : UNUSABLE;
        if (option === FOUND) {
          this.macHigh = view.getUint16(i + 2);
          this.macLow = view.getInt32(i + 4);
        }
      }
      i += length;
    }
    return option;
  }

  // ---- proxies that take their time

  private postpone(pkt: Packet, delay: number, dev: Device): number {
    const { ip6 } = this;
    const { ns } = ip6;
    if (this.waiting >= ip6.neigh.conf.get(dev, PROXY_QLEN)) return NOT_SPECIFIED;
    const copy = ns.pool.copy(pkt);
    if (copy === null) return NOT_SPECIFIED;
    let slot = this.delayed.indexOf(null);
    if (slot < 0) slot = this.delayed.length;
    this.delayed[slot] = copy;
    this.waiting++;
    ns.clock.after(ns.random.below(delay * TICK), this.answerDelayed, slot);
    return NOT_SPECIFIED;
  }

  private onDelayed(slot: number): void {
    const pkt = this.delayed[slot]!;
    const { ns } = this.ip6;
    this.delayed[slot] = null;
    this.waiting--;
    readIn6(pkt.view, pkt.l3 + SRC, this.src);
    readIn6(pkt.view, pkt.l3 + DST, this.dst);
    ns.drop(pkt, this.solicited(pkt, ns.devices[pkt.iif]!, true));
  }

  // ---- send

  /** ndisc_send_na about `target`; not from there if it is not ours. */
  private sendAdvertisement(
    dev: Device,
    to: In6,
    router: boolean,
    solicited: boolean,
    override: boolean,
    withMac: boolean,
  ): void {
    const { ip6, target } = this;
    const mine = ip6.addresses.hasOn(dev, target);
    const source = mine ? target : ip6.addresses.select(dev, to);
    if (source === null) return;
    const mac = withMac || (mine && ip6.conf.get(dev, FORCE_TLLAO) !== 0);
    const flags = (router ? nd.ROUTER : 0) | (solicited ? nd.SOLICITED : 0) | (override ? nd.OVERRIDE : 0);
    const pkt = this.make(icmpv6.NEIGHBOUR_ADVERTISEMENT, nd.NEIGHBOUR_LEN, mac ? LL_OPTION : 0);
    if (pkt === null) return;
    nd.setFlags(pkt.view, pkt.l4, flags);
    writeIn6(pkt.view, pkt.l4 + TARGET, target);
    if (mac) writeMac(pkt, nd.NEIGHBOUR_LEN, nd.TARGET_LL_ADDR, dev.macHigh, dev.macLow);
    this.sendOn(pkt, dev, source, to);
  }

  /** ndisc_solicit: ask for a neighbour; the state decides whom. */
  solicit(row: number, pkt: Packet | null): void {
    const { ip6, asked, group } = this;
    const { neigh, ns } = ip6;
    const dev = ns.devices[neigh.table.device[row]!]!;
    neigh.table.addressOf(row, asked);
    const source = this.sourceOf(pkt, dev) ?? ip6.addresses.linkLocal(dev);
    const probes = neigh.table.probes[row]! - neigh.conf.get(dev, UCAST_SOLICIT);
    if (source === null || (probes >= 0 && probes < neigh.conf.get(dev, APP_SOLICIT))) return;
    const out = this.make(icmpv6.NEIGHBOUR_SOLICITATION, nd.NEIGHBOUR_LEN, LL_OPTION);
    if (out === null) return;
    writeIn6(out.view, out.l4 + TARGET, asked);
    writeMac(out, nd.NEIGHBOUR_LEN, nd.SOURCE_LL_ADDR, dev.macHigh, dev.macLow);
    this.sendOn(out, dev, source, probes < 0 ? asked : solicitedNode(asked, group));
  }

  /** The source of the packet that waits, if it is the device's own. */
  private sourceOf(pkt: Packet | null, dev: Device): In6 | null {
    if (pkt === null) return null;
    const list = this.ip6.addresses.of(dev);
    for (const { address } of list) if (isAt(pkt.view, pkt.l3 + SRC, address)) return address;
    return null;
  }

  /** ndisc_error_report. */
  unreachable(pkt: Packet): void {
    this.ip6.icmp.send(pkt, icmpv6.DEST_UNREACH, icmpv6.ADDR_UNREACH, 0);
  }

  /** ndisc_send_redirect: who sent `pkt` in by `dev` should send to `target` itself. */
  sendRedirect(pkt: Packet, dev: Device, target: In6): void {
    const { ip6, flow } = this;
    const source = ip6.addresses.linkLocal(dev);
    if (source === null) return;
    const { view, l3 } = pkt;
    if (!isAt(view, l3 + DST, target) && !isLinkLocal(target[0]!)) return;
    flow.clear();
    flow.src.set(source);
    readIn6(view, l3 + SRC, flow.dst);
    flow.oif = dev.index;
    flow.protocol = ipv4.ICMPV6;
    if (ip6.routing.output(flow) !== 0 || (ip6.routing.rt.flags & RT_GATEWAY) !== 0) return;
    if (!ip6.ns.peers.allowIcmp(String(flow.dst), REDIRECT_INTERVAL)) return;
    const row = ip6.neigh.lookupOrCreate6(dev, target);
    if (row < 0) return;
    const known = (ip6.neigh.table.state[row]! & NUD_VALID) !== 0;
    const macs = known ? LL_OPTION : 0;
    const most = MIN_MTU - ipv6.HEADER_LEN - nd.REDIRECT_LEN - macs;
    const quote = Math.min(most, pkt.end - l3 + 8) & ~7;
    const out = this.make(icmpv6.REDIRECT, nd.REDIRECT_LEN, macs + quote);
    if (out === null) return;
    this.fillRedirect(out, pkt, target, macs, quote);
    if (known) {
      const { macHigh, macLow } = ip6.neigh.table;
      writeMac(out, nd.REDIRECT_LEN, nd.TARGET_LL_ADDR, macHigh[row]!, macLow[row]!);
    }
    ip6.routing.rt.apply(out);
    this.sendRouted(out, source, flow.dst);
  }

  private fillRedirect(out: Packet, pkt: Packet, target: In6, macs: number, quote: number): void {
    const { view, l4 } = out;
    writeIn6(view, l4 + TARGET, target);
    out.bytes.set(pkt.bytes.subarray(pkt.l3 + DST, pkt.l3 + DST + 16), l4 + 24);
    const at = l4 + nd.REDIRECT_LEN + macs;
    view.setUint8(at, nd.REDIRECT_HDR);
    view.setUint8(at + 1, quote >>> 3);
    out.bytes.set(pkt.bytes.subarray(pkt.l3, pkt.l3 + quote - 8), at + 8);
  }

  /** A message with room for its options, zero but for its type. */
  private make(type: number, length: number, options: number): Packet | null {
    const pkt = this.ip6.ns.pool.take(ipv6.HEADER_LEN + length + options);
    if (pkt === null) return null;
    pkt.bytes.fill(0, pkt.data, pkt.end);
    pkt.l3 = pkt.data;
    pkt.l4 = pkt.data + ipv6.HEADER_LEN;
    pkt.flags = FLAG_CSUM_OK;
    icmpv6.setType(pkt.view, pkt.l4, type);
    return pkt;
  }

  /** ndisc_send_skb: straight to the link, whatever the tables say. */
  private sendOn(pkt: Packet, dev: Device, source: In6, to: In6): void {
    const multicast = isMulticast(to[0]!);
    pkt.routeType = multicast ? RTN_MULTICAST : RTN_UNICAST;
    pkt.routeFlags = multicast ? RTCF_MULTICAST : 0;
    pkt.oif = dev.index;
    pkt.pathMtu = dev.mtu;
    this.sendRouted(pkt, source, to);
  }

  private sendRouted(pkt: Packet, source: In6, to: In6): void {
    const { view, l3, l4, end } = pkt;
    pkt.protocol = ethernet.ETH_P_IPV6;
    view.setUint8(l3, 0x60);
    ipv6.setPayloadLength(view, l3, end - l4);
    ipv6.setNextHeader(view, l3, ipv4.ICMPV6);
    ipv6.setHopLimit(view, l3, MAX_HOPS);
    writeIn6(view, l3 + SRC, source);
    writeIn6(view, l3 + DST, to);
    icmpv6.fillChecksum(view, l4, end, ipv6.pseudo(view, l3, ipv4.ICMPV6, end - l4));
    ip6LocalOutHook(this.ip6, pkt);
  }
}

/** What {@link Ndisc.readOption} says: options are broken; the one wanted is not there, is no Ethernet address, is read. */
const BAD = -1;
const ABSENT = 0;
const UNUSABLE = 1;
const FOUND = 2;

const isSolicitedNode = (a: In6): boolean =>
  a[0] === (0xff020000 | 0) && a[1] === 0 && a[2] === 1 && a[3]! >>> 24 === 0xff;

function writeMac({ view, l4 }: Packet, header: number, type: number, high: number, low: number): void {
  const at = l4 + header;
  view.setUint8(at, type);
  view.setUint8(at + 1, 1);
  view.setUint16(at + 2, high);
  view.setInt32(at + 4, low);
}
