/** ARP: asking, answering, learning. net/ipv4/arp.c, RFC 826. @module */
import * as arp from '../packet/arp.ts';
import * as ethernet from '../packet/ethernet.ts';
import { DEST_UNREACH, HOST_UNREACH } from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import { FLAG_SOCKLESS, PACKET_HOST, PACKET_OTHERHOST, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { MILLISECOND, type Task } from '../sim/clock.ts';
import {
  ARP_ACCEPT,
  ARP_ANNOUNCE,
  ARP_FILTER,
  ARP_IGNORE,
  DROP_GRATUITOUS_ARP,
  FORWARDING,
  MEDIUM_ID,
  PROXY_ARP,
  PROXY_ARP_PVLAN,
  ROUTE_LOCALNET,
} from './dev-conf.ts';
import type { Device } from './device.ts';
import { Flow } from './flow.ts';
import { NUD_REACHABLE, NUD_STALE, type Solicitor } from './neigh.ts';
import { APP_SOLICIT, LOCKTIME, PROXY_DELAY, PROXY_QLEN, UCAST_SOLICIT } from './neigh-conf.ts';
import type { Netns } from './netns.ts';
import { RT_SCOPE_HOST, RT_SCOPE_LINK, RTN_LOCAL, RTN_UNICAST } from './rtn.ts';

const CONSUMED = reason('CONSUMED');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const FRAME_LEN: number = ethernet.HEADER_LEN + arp.HEADER_LEN;
/** proxy_delay and locktime are read in hundredths of a second (USER_HZ). */
const TICK = 10 * MILLISECOND;

const isMulticast = (address: number): boolean => (address & 0xf0000000) === (0xe0000000 | 0);
const isLoopback = (address: number): boolean => address >>> 24 === 127;

/** ARP of one namespace. */
export class Arp implements Solicitor {
  private readonly ns: Netns;
  private readonly flow = new Flow();
  /** Requests that a proxy answers after a while (pneigh_enqueue), by slot. */
  private readonly delayed: (Packet | null)[] = [];
  private waiting = 0;
  private readonly answerDelayed: Task = { run: (slot) => this.onDelayed(slot) };

  constructor(ns: Netns) {
    this.ns = ns;
    ns.neigh.solicitor = this;
  }

  // ---- receive

  /** arp_rcv; `pkt.data` at the ARP header. */
  receive(pkt: Packet, dev: Device): void {
    const { ns } = this;
    if (dev.noArp || pkt.pktType === PACKET_OTHERHOST) {
      ns.drop(pkt, CONSUMED);
      return;
    }
    const why = arp.check(pkt.view, pkt.data, pkt.end);
    if (why !== 0) ns.drop(pkt, why);
    else if (dev.loopback) ns.drop(pkt, NOT_SPECIFIED);
    else this.process(pkt, dev, false);
  }

  /** arp_process. @param late the answer was put off already */
  private process(pkt: Packet, dev: Device, late: boolean): void {
    const { view, data } = pkt;
    const sender = arp.senderIp(view, data);
    const target = arp.targetIp(view, data);
    const operation = arp.operation(view, data);
    const request = operation === arp.REQUEST;
    if (!this.isAcceptable(pkt, dev) || (!request && operation !== arp.REPLY)) {
      this.ns.drop(pkt, NOT_SPECIFIED);
      return;
    }
    if (sender === 0) {
      // Duplicate address detection, RFC 5227: an answer, but nothing to learn.
      if (request && this.ns.fib.addressType(target) === RTN_LOCAL && !this.ignores(dev, sender, target)) {
        this.answer(pkt, dev);
      }
      this.ns.drop(pkt, CONSUMED);
      return;
    }
    const taken = request && this.ns.ip.input.route(pkt, target, sender, 0, dev) === 0 && this.serve(pkt, dev, late);
    if (taken) return;
    this.learn(pkt, dev, operation);
    this.ns.drop(pkt, CONSUMED);
  }

  private isAcceptable({ view, data }: Packet, dev: Device): boolean {
    const hardware = arp.hardwareType(view, data);
    if (hardware !== arp.ARPHRD_ETHER && hardware !== arp.ARPHRD_IEEE802) return false;
    if (arp.protocolType(view, data) !== ethernet.ETH_P_IP) return false;
    const target = arp.targetIp(view, data);
    if (isMulticast(target) || (isLoopback(target) && !this.ns.conf.or(dev, ROUTE_LOCALNET))) return false;
    const gratuitous = target === arp.senderIp(view, data);
    return !(gratuitous && this.ns.conf.or(dev, DROP_GRATUITOUS_ARP));
  }

  /** A request for us, or for one whose proxy we are. @returns whether the packet is done with */
  private serve(pkt: Packet, dev: Device, late: boolean): boolean {
    const { ns } = this;
    const { view, data } = pkt;
    const sender = arp.senderIp(view, data);
    const target = arp.targetIp(view, data);
    if (pkt.routeType === RTN_LOCAL) {
      if (!this.ignores(dev, sender, target) && !(ns.conf.or(dev, ARP_FILTER) && this.filters(sender, target, dev))) {
        if (this.learnSender(pkt, dev)) this.answer(pkt, dev);
      }
      ns.drop(pkt, CONSUMED);
      return true;
    }
    if (ns.conf.get(dev, FORWARDING) === 0 || pkt.routeType !== RTN_UNICAST || pkt.routeError !== 0) return false;
    const out = ns.devices[pkt.oif]!;
    const proxy = this.proxies(dev, out) || this.proxiesPrivate(dev, out, sender, target);
    if (!proxy && !(out !== dev && ns.neigh.isProxy(dev, target))) return false;
    this.learnSender(pkt, dev);
    const delay = ns.neigh.conf.get(dev, PROXY_DELAY);
    if (late || pkt.pktType === PACKET_HOST || delay === 0) {
      this.answer(pkt, dev);
      ns.drop(pkt, CONSUMED);
    } else this.postpone(pkt, dev, delay);
    return true;
  }

  /** arp_ignore: may this address not be answered for on this device? */
  private ignores(dev: Device, sender: number, target: number): boolean {
    const { addresses, conf } = this.ns;
    switch (conf.max(dev, ARP_IGNORE)) {
      case 1:
        return addresses.confirm(dev, 0, target, RT_SCOPE_HOST) === 0;
      case 2:
        return addresses.confirm(dev, sender, target, RT_SCOPE_HOST) === 0;
      case 3:
        return addresses.confirm(null, 0, target, RT_SCOPE_LINK) === 0;
      case 8:
        return true;
      default:
        return false;
    }
  }

  /** arp_filter: answer only if the way back to the sender is this device. */
  private filters(sender: number, target: number, dev: Device): boolean {
    const { flow, ns } = this;
    flow.clear();
    flow.dst = sender;
    flow.src = target;
    return ns.ip.routing.route(flow) !== 0 || ns.ip.routing.rt.dev !== dev;
  }

  /** arp_fwd_proxy: answer for whoever is behind another device (of another medium). */
  private proxies(dev: Device, out: Device): boolean {
    const { conf } = this.ns;
    if (out === dev || !conf.or(dev, PROXY_ARP)) return false;
    const medium = conf.get(dev, MEDIUM_ID);
    if (medium === 0) return true;
    const other = conf.get(out, MEDIUM_ID);
    return medium !== -1 && other !== medium && other !== -1;
  }

  /** arp_fwd_pvlan: answer for a station of the same link that cannot be reached directly (RFC 3069). */
  private proxiesPrivate(dev: Device, out: Device, sender: number, target: number): boolean {
    return out === dev && sender !== target && this.ns.conf.get(dev, PROXY_ARP_PVLAN) !== 0;
  }

  // ---- learn

  /** neigh_event_ns. @returns false when the table is full */
  private learnSender({ view, data }: Packet, dev: Device): boolean {
    const row = this.ns.neigh.lookupOrCreate(dev, arp.senderIp(view, data));
    if (row < 0) return false;
    this.ns.neigh.update(row, arp.senderMacHigh(view, data), arp.senderMacLow(view, data), NUD_STALE, true);
    return true;
  }

  /** What an ARP that is not a request for us tells of its sender. */
  private learn(pkt: Packet, dev: Device, operation: number): void {
    const { neigh, clock } = this.ns;
    const { view, data } = pkt;
    const sender = arp.senderIp(view, data);
    let row = neigh.find(dev, sender);
    const accept = this.accepts(dev, sender);
    if (row < 0 && !accept) return;
    const gratuitous = this.isGratuitous(pkt, operation);
    if (row < 0 && !gratuitous) {
      if (operation !== arp.REPLY || this.ns.fib.addressType(sender) !== RTN_UNICAST) return;
    }
    if (row < 0) row = neigh.lookupOrCreate(dev, sender);
    if (row < 0) return;
    // Of several answers in a row the first counts: an entry is locked for a while.
    const locked = neigh.table.updated[row]! + neigh.conf.get(dev, LOCKTIME) * TICK;
    const override = clock.now > locked || gratuitous;
    const sure = operation === arp.REPLY && pkt.pktType === PACKET_HOST;
    const state = sure ? NUD_REACHABLE : NUD_STALE;
    neigh.update(row, arp.senderMacHigh(view, data), arp.senderMacLow(view, data), state, override);
  }

  private accepts(dev: Device, sender: number): boolean {
    const { conf, addresses } = this.ns;
    const value = conf.max(dev, ARP_ACCEPT);
    return value === 1 || (value === 2 && addresses.confirm(dev, sender, 0, RT_SCOPE_LINK) !== 0);
  }

  /** arp_is_garp: a station that speaks of itself. */
  private isGratuitous({ view, data }: Packet, operation: number): boolean {
    if (arp.targetIp(view, data) !== arp.senderIp(view, data)) return false;
    if (operation === arp.REPLY) {
      if (arp.targetMacHigh(view, data) !== arp.senderMacHigh(view, data)) return false;
      if (arp.targetMacLow(view, data) !== arp.senderMacLow(view, data)) return false;
    }
    return this.ns.fib.addressType(arp.senderIp(view, data)) === RTN_UNICAST;
  }

  // ---- proxies that take their time

  private postpone(pkt: Packet, dev: Device, delay: number): void {
    const { ns } = this;
    if (this.waiting >= ns.neigh.conf.get(dev, PROXY_QLEN)) {
      ns.drop(pkt, 0);
      return;
    }
    let slot = this.delayed.indexOf(null);
    if (slot < 0) slot = this.delayed.length;
    this.delayed[slot] = pkt;
    this.waiting++;
    ns.timers.after(ns.random.below(delay * TICK), this.answerDelayed, slot);
  }

  private onDelayed(slot: number): void {
    const pkt = this.delayed[slot]!;
    this.delayed[slot] = null;
    this.waiting--;
    this.process(pkt, this.ns.devices[pkt.iif]!, true);
  }

  // ---- send

  private answer({ view, data }: Packet, dev: Device): void {
    const high = arp.senderMacHigh(view, data);
    const low = arp.senderMacLow(view, data);
    this.send(arp.REPLY, dev, arp.targetIp(view, data), arp.senderIp(view, data), high, low, high, low);
  }

  /** arp_solicit: ask for a neighbour's address; the state decides whom. */
  solicit(row: number, pkt: Packet | null): void {
    const { neigh, devices } = this.ns;
    const { table } = neigh;
    const dev = devices[table.device[row]!]!;
    const target = table.address[row]!;
    const source = this.source(dev, target, pkt) || this.ns.addresses.select(dev, target, RT_SCOPE_LINK);
    const probes = table.probes[row]! - neigh.conf.get(dev, UCAST_SOLICIT);
    if (probes < 0) {
      this.send(arp.REQUEST, dev, source, target, table.macHigh[row]!, table.macLow[row]!, 0, 0);
    } else if (probes >= neigh.conf.get(dev, APP_SOLICIT)) {
      this.send(arp.REQUEST, dev, source, target, 0xffff, -1, 0, 0);
    }
  }

  /** The source of a request, by arp_announce: the waiting packet's if it is ours. @returns 0 for none */
  private source(dev: Device, target: number, pkt: Packet | null): number {
    const { conf, fib, addresses } = this.ns;
    const announce = conf.max(dev, ARP_ANNOUNCE);
    if (pkt === null || announce === 2) return 0;
    const source = ipv4.src(pkt.view, pkt.l3);
    if (fib.addressType(source) !== RTN_LOCAL) return 0;
    return announce !== 1 || addresses.onLink(dev, target, source) ? source : 0;
  }

  /** arp_error_report. */
  unreachable(pkt: Packet): void {
    this.ns.icmp.send(pkt, DEST_UNREACH, HOST_UNREACH, 0);
  }

  /** arp_send: an ARP from `source` about `target`, framed to `high:low`, naming a target MAC. */
  private send(
    operation: number,
    dev: Device,
    source: number,
    target: number,
    high: number,
    low: number,
    targetHigh: number,
    targetLow: number,
  ): void {
    if (dev.noArp) return;
    const pkt = this.ns.pool.take(FRAME_LEN);
    if (pkt === null) return;
    const { view, data } = pkt;
    const at = data + ethernet.HEADER_LEN;
    pkt.l2 = data;
    pkt.l3 = at;
    pkt.protocol = ethernet.ETH_P_ARP;
    pkt.flags = FLAG_SOCKLESS;
    ethernet.setDst(view, data, high, low);
    ethernet.setSrc(view, data, dev.macHigh, dev.macLow);
    ethernet.setType(view, data, ethernet.ETH_P_ARP);
    arp.setPreamble(view, at);
    arp.setOperation(view, at, operation);
    arp.setSenderMac(view, at, dev.macHigh, dev.macLow);
    arp.setSenderIp(view, at, source);
    arp.setTargetMac(view, at, targetHigh, targetLow);
    arp.setTargetIp(view, at, target);
    this.ns.transmit(pkt, dev);
  }
}
