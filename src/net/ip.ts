/** IPv4 of one namespace: the faces that others use, and what its parts share. include/net/ip.h. @module */
import { format4 } from '../packet/address.ts';
import * as ethernet from '../packet/ethernet.ts';
import { DEST_UNREACH, PROT_UNREACH } from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import { FLAG_SOCKET, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { MILLISECOND } from '../sim/clock.ts';
import type { Stage } from '../sim/trace.ts';
import type { Device } from './device.ts';
import { EINVAL, EMSGSIZE } from './errno.ts';
import { FibResult } from './fib.ts';
import { Flow } from './flow.ts';
import { Defragmenter } from './fragment.ts';
import type { FragmentSink } from './ip-fragment.ts';
import { IpIds } from './ip-id.ts';
import type { OptionsHost, ReplyOptions } from './ip-options.ts';
import { ipLocalOutHook } from './ip-output.ts';
import { ipReceive } from './ip-receive.ts';
import { Multipath } from './multipath.ts';
import type { Netns } from './netns.ts';
import { RTCF_BROADCAST, RTCF_LOCAL, RTCF_MULTICAST } from './route.ts';
import { InputRouting, routeByHeader } from './route-input.ts';
import { OutputRouting } from './route-output.ts';
import {
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  RTN_UNSPEC,
  routeTypeName,
} from './rtn.ts';
import { tcpReceive } from './tcp.ts';
import { udpReceive } from './udp.ts';

const IP_NOPROTO = reason('IP_NOPROTO');
const CONSUMED = reason('CONSUMED');
const IGMP = 2;
const PIM = 103;
const IPPROTO_RAW = 255;
const MIN_IHL = 0x45;
/** inet->mc_ttl. */
const MULTICAST_TTL = 1;
const DAY = 86_400_000;

/** IPv4 of one namespace. */
export class Ipv4 implements FragmentSink {
  readonly input: InputRouting;
  readonly routing: OutputRouting;
  readonly ids: IpIds;
  readonly fragments: Defragmenter;
  readonly optionsHost: OptionsHost;
  /** Who takes packets for this host of protocols that only some have (inet_protos), their data at `pkt.l4`: tunnels. */
  readonly protocols: Map<number, (pkt: Packet) => void> = new Map();
  private readonly ns: Netns;
  private readonly flow = new Flow();
  private readonly res = new FibResult();
  private readonly routeStage: Stage;
  private readonly deliverStage: Stage;
  defaultTtl = 0;
  private reflectMark = false;
  private readonly swallow = (pkt: Packet): void => this.ns.drop(pkt, CONSUMED);

  constructor(ns: Netns) {
    this.ns = ns;
    const multipath = new Multipath(ns);
    this.input = new InputRouting(ns, multipath);
    this.routing = new OutputRouting(ns, multipath);
    this.ids = new IpIds(ns.random);
    this.fragments = new Defragmenter(ns);
    this.optionsHost = {
      ownAddress: (pkt) => this.ownAddress(pkt),
      isForeign: (address) => ns.fib.addressType(address) === RTN_UNICAST,
      timestamp: () => ((ns.world.epochSeconds ?? 0) * 1000 + Math.floor(ns.clock.now / MILLISECOND)) % DAY,
    };
    this.routeStage = {
      kind: 'route',
      ns: ns.name,
      describe: (type, oif, via) => ({
        type: routeTypeName(type),
        dev: ns.devices[oif]?.name ?? '',
        via: format4(via),
      }),
    };
    this.deliverStage = { kind: 'deliver', ns: ns.name, describe: (protocol) => ({ protocol }) };
    ns.sysctl.watch('net.ipv4.ip_default_ttl', 64, (value) => {
      this.defaultTtl = value;
    });
    ns.sysctl.watch('net.ipv4.fwmark_reflect', 0, (value) => {
      this.reflectMark = value !== 0;
    });
  }

  // ---- in

  /** ip_rcv; `pkt.data` at the IPv4 header. */
  receive(pkt: Packet, dev: Device): void {
    ipReceive(this.ns, pkt, dev);
  }

  /** ip_route_input for the packet's own header: put a route on it. @returns 0, or the reason to drop it */
  routeInput(pkt: Packet, dev: Device): number {
    return routeByHeader(this.input, pkt, dev);
  }

  /** ip_defrag: false when the fragment was taken; true when `pkt` is the whole datagram now. */
  defrag(pkt: Packet, user: number): boolean {
    return this.fragments.add(pkt, user);
  }

  /** ip_local_deliver_finish: to the packet's protocol, which owns it from here. */
  deliver(pkt: Packet, _dev: Device): void {
    const { ns } = this;
    const protocol = ipv4.protocol(pkt.view, pkt.l3);
    pkt.l4 = pkt.l3 + ipv4.headerLength(pkt.view, pkt.l3);
    if (ns.trace !== null) ns.trace.record(this.deliverStage, pkt, protocol);
    switch (protocol) {
      case ipv4.ICMP:
        ns.icmp.receive(pkt);
        return;
      case ipv4.TCP:
        tcpReceive(ns, pkt);
        return;
      case ipv4.UDP:
      case ipv4.UDPLITE:
        udpReceive(ns, pkt, protocol);
        return;
      case IGMP:
      case PIM:
        ns.drop(pkt, CONSUMED);
        return;
      default:
        this.deliverOther(pkt, protocol);
    }
  }

  private deliverOther(pkt: Packet, protocol: number): void {
    const handler = this.protocols.get(protocol);
    if (handler !== undefined) {
      handler(pkt);
      return;
    }
    this.ns.icmp.send(pkt, DEST_UNREACH, PROT_UNREACH, 0);
    this.ns.drop(pkt, IP_NOPROTO);
  }

  traceRoute(pkt: Packet): void {
    if (this.ns.trace !== null) this.ns.trace.record(this.routeStage, pkt, pkt.routeType, pkt.oif, pkt.nextHop);
  }

  // ---- out

  /** ip_local_out without setting the length: header complete, route on it. @returns 0 or a negative errno */
  output(pkt: Packet): number {
    ipv4.setTotalLength(pkt.view, pkt.l3, pkt.end - pkt.l3);
    ipv4.fillChecksum(pkt.view, pkt.l3);
    return ipLocalOutHook(this.ns, pkt);
  }

  /** ip_finish_output2: to the neighbour. */
  finishOutput(pkt: Packet): number {
    pkt.data = pkt.l3;
    return this.ns.neigh.output(this.ns.devices[pkt.oif]!, pkt.nextHop, pkt);
  }

  /**
   * ip_route_output_key: put a route on a packet of this host. The arguments are those of a flow; `src` may be 0.
   * @returns 0 or a negative errno
   */
  routeOutput(pkt: Packet, dst: number, src: number, tos = 0, oif = 0, mark: number = pkt.mark): number {
    const { flow, routing } = this;
    flow.clear();
    flow.dst = dst;
    flow.src = src;
    flow.tos = tos;
    flow.oif = oif;
    flow.mark = mark;
    const error = routing.route(flow);
    if (error === 0) routing.rt.apply(pkt);
    return error;
  }

  /** The source address that the last {@link routeOutput} chose, int32. */
  get chosenSource(): number {
    return this.routing.rt.source;
  }

  /** Route a packet to a neighbour, whatever its header says (FLOWI_FLAG_KNOWN_NH). @returns false when there is no way */
  routeTo(pkt: Packet, gateway: number, oif: number): boolean {
    return this.routeOutput(pkt, gateway, 0, ipv4.tos(pkt.view, pkt.l3), oif, 0) === 0;
  }

  /**
   * Route a packet by its header out of a device, whoever its source is (FLOWI_FLAG_ANYSRC): one that a device on top of it
   * sends. @returns false when there is no way
   */
  routeForeign(pkt: Packet, dev: Device): boolean {
    const { flow, routing } = this;
    const { view, l3 } = pkt;
    flow.clear();
    flow.dst = ipv4.dst(view, l3);
    flow.src = ipv4.src(view, l3);
    flow.anySource = true;
    flow.tos = ipv4.tos(view, l3);
    flow.oif = dev.index;
    flow.mark = pkt.mark;
    if (routing.route(flow) !== 0) return false;
    routing.rt.apply(pkt);
    return true;
  }

  /** The MTU of the way to an address, bytes; 0 when there is none. */
  mtuTo(address: number): number {
    this.flow.clear().dst = address;
    return this.routing.route(this.flow) === 0 ? this.routing.rt.mtu : 0;
  }

  /**
   * ip_route_me_harder: route a packet of this host again by what its header says now. A source that is not ours is kept.
   * @returns false when there is no way; `pkt.routeError` is the errno then
   */
  routeMeHarder(pkt: Packet, sourceType: number = RTN_UNSPEC): boolean {
    const { flow, routing } = this;
    const { view, l3 } = pkt;
    const src = ipv4.src(view, l3);
    const type = sourceType === RTN_UNSPEC ? this.ns.fib.addressType(src) : sourceType;
    flow.clear();
    flow.dst = ipv4.dst(view, l3);
    flow.anySource = type === RTN_LOCAL || type === RTN_UNICAST;
    flow.src = flow.anySource ? src : 0;
    flow.tos = ipv4.tos(view, l3);
    flow.mark = pkt.mark;
    const error = routing.route(flow);
    if (error === 0) routing.rt.apply(pkt);
    else pkt.routeError = -error;
    return error === 0;
  }

  /**
   * Write an IPv4 header for a packet of this host at `pkt.data`, whose route was looked up last: no DF, id 0; length and
   * checksum come later.
   */
  writeHeader(pkt: Packet, src: number, dst: number, protocol: number, tos: number, options: ReplyOptions): void {
    const { view: v, data: at } = pkt;
    pkt.l3 = at;
    pkt.protocol = ethernet.ETH_P_IP;
    v.setUint8(at, MIN_IHL + (options.length >>> 2));
    v.setUint8(at + 1, tos);
    v.setUint32(at + 4, 0);
    v.setUint8(at + 8, this.routing.rt.type === RTN_MULTICAST ? MULTICAST_TTL : this.defaultTtl);
    v.setUint8(at + 9, protocol);
    v.setInt32(at + 12, src);
    v.setInt32(at + 16, dst);
  }

  /**
   * A process sends on a raw socket with IP_HDRINCL (raw_send_hdrinc, net/ipv4/raw.c); `pkt.data` at its IPv4 header. Id
   * and source are filled where they are 0; length and checksum always.
   * @returns 0 or a negative errno; the packet is gone either way
   */
  sendRaw(pkt: Packet): number {
    pkt.flags |= FLAG_SOCKET;
    // The process's socket takes what comes for its own protocol.
    this.protocols.set(IPPROTO_RAW, this.swallow);
    const error = this.prepareRaw(pkt);
    if (error === 0) return ipLocalOutHook(this.ns, pkt);
    this.ns.drop(pkt, 0);
    return error;
  }

  private prepareRaw(pkt: Packet): number {
    const { view: v, data: at, end } = pkt;
    if (end - at < ipv4.HEADER_LEN) return -EINVAL;
    pkt.l3 = at;
    pkt.protocol = ethernet.ETH_P_IP;
    const error = this.routeOutput(pkt, v.getInt32(at + 16), 0, 0, 0, 0);
    if (error !== 0) return error;
    if (end - at > this.ns.devices[pkt.oif]!.mtu) return -EMSGSIZE;
    const hlen = ipv4.headerLength(v, at);
    if (hlen < ipv4.HEADER_LEN || hlen > end - at) return -EINVAL;
    if (v.getInt32(at + 12) === 0) v.setInt32(at + 12, this.chosenSource);
    ipv4.setTotalLength(v, at, end - at);
    // What is never fragmented needs no id.
    if (ipv4.id(v, at) === 0 && (ipv4.fragment(v, at) & ipv4.DF) === 0) this.ids.select(pkt);
    ipv4.fillChecksum(v, at);
    return 0;
  }

  // ---- addresses

  /** inet_dev_addr_type: RTN_* of an address, as table local has it (on a device). */
  addressType(address: number, dev?: Device): number {
    return this.ns.fib.addressType(address, dev ?? null);
  }

  /** inet_select_addr: the source on a device towards a next hop, int32; 0 for none. */
  selectSource(dev: Device, nextHop: number, scope: number = RT_SCOPE_UNIVERSE): number {
    return this.ns.addresses.select(dev, nextHop, scope);
  }

  /** The primary address of a device, int32; 0 for none. */
  firstAddress(dev: Device): number {
    return this.ns.addresses.of(dev)[0]?.address ?? 0;
  }

  /** IP4_REPLY_MARK: the mark of an answer. */
  reflectedMark(pkt: Packet): number {
    return this.reflectMark ? pkt.mark : 0;
  }

  /** fib_compute_spec_dst: where an answer to the packet comes from. */
  private ownAddress(pkt: Packet): number {
    const { view, l3, routeFlags } = pkt;
    if ((routeFlags & (RTCF_BROADCAST | RTCF_MULTICAST | RTCF_LOCAL)) === RTCF_LOCAL) return ipv4.dst(view, l3);
    const src = ipv4.src(view, l3);
    const dev = this.ns.devices[pkt.iif]!;
    const { flow, res } = this;
    if (src !== 0) {
      flow.clear();
      flow.iif = this.ns.loopback.index;
      flow.dst = src;
      flow.tos = ipv4.tos(view, l3);
      flow.scope = RT_SCOPE_UNIVERSE;
      if (this.ns.fib.lookup(flow, res) === 0) return this.routing.preferredSource(res);
    }
    return this.ns.addresses.select(dev, src, src === 0 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);
  }
}
