/** IPv6 of one namespace: the faces that others use, and what its parts share. include/net/ipv6.h. @module */
import { formatWords } from '../packet/address.ts';
import * as ethernet from '../packet/ethernet.ts';
import * as ipv6 from '../packet/ipv6.ts';
import { FLAG_SOCKET, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import type { Stage } from '../sim/trace.ts';
import { Addresses6 } from './address6.ts';
import { DeviceConf6, DISABLE_IPV6, FORWARDING } from './dev-conf6.ts';
import type { Device } from './device.ts';
import { EINVAL, EMSGSIZE } from './errno.ts';
import { Fib6 } from './fib6.ts';
import { Flow6 } from './flow6.ts';
import { Defragmenter6 } from './fragment6.ts';
import { NF_ACCEPT, NF_DROP } from './hook.ts';
import { Icmp6 } from './icmp6.ts';
import { type In6, in6, isAny, isLinkLocal, isMulticast, readIn6, writeIn6 } from './in6.ts';
import type { FragmentSink6 } from './ip6-fragment.ts';
import { ip6FinishOutput2, ip6LocalOutHook } from './ip6-output.ts';
import { ip6Input, ip6Receive } from './ip6-receive.ts';
import { Ndisc } from './ndisc.ts';
import { Neighbours6 } from './neigh6.ts';
import type { Netns } from './netns.ts';
import { Routing6 } from './route6.ts';
import { RTN_ANYCAST, RTN_LOCAL, RTN_UNREACHABLE, routeTypeName } from './rtn.ts';

const NETFILTER_DROP = reason('NETFILTER_DROP');
const VERSION = 6;
const MAX_PAYLOAD = 0xffff;
const SRC = 8;
const DST = 24;

/** IPv6 of one namespace, once it is switched on. */
export class Ipv6 implements FragmentSink6 {
  readonly ns: Netns;
  readonly conf: DeviceConf6;
  readonly fib: Fib6;
  readonly addresses: Addresses6;
  readonly neigh: Neighbours6;
  readonly routing: Routing6;
  readonly icmp: Icmp6;
  readonly ndisc: Ndisc;
  readonly fragments: Defragmenter6;
  /** Options that a header may have; negative: and all must be known. */
  maxHopOptions = 0;
  maxDestinationOptions = 0;
  private readonly flow = new Flow6();
  private readonly address: In6 = in6();
  private readonly routeStage: Stage;
  private readonly deliverStage: Stage;
  private reflectMark = false;
  private flowLabels = 0;
  private readonly labelSeed: number;

  /** Begin to speak IPv6 in a namespace, on the devices that it has and those to come. */
  constructor(ns: Netns) {
    this.ns = ns;
    this.labelSeed = ns.random.below(2 ** 31);
    this.conf = new DeviceConf6(ns.sysctl);
    this.fib = new Fib6(this);
    this.addresses = new Addresses6(this);
    this.neigh = new Neighbours6(ns);
    this.routing = new Routing6(this);
    this.icmp = new Icmp6(this);
    this.ndisc = new Ndisc(this);
    this.fragments = new Defragmenter6(this);
    this.routeStage = {
      kind: 'route',
      ns: ns.name,
      describe: (type, oif, gateway) => ({
        type: routeTypeName(type),
        dev: ns.devices[oif]?.name ?? '',
        via: gateway === 0 ? '' : formatWords([...this.fib.gateways[gateway]!]),
      }),
    };
    this.deliverStage = { kind: 'deliver', ns: ns.name, describe: (protocol) => ({ protocol }) };
    this.watchSettings();
    ns.ipv6 = this;
    for (const dev of ns.devices) if (dev.index !== 0) this.addDevice(dev);
  }

  private watchSettings(): void {
    const { sysctl } = this.ns;
    sysctl.watch('net.ipv6.fwmark_reflect', 0, (value) => {
      this.reflectMark = value !== 0;
    });
    sysctl.watch('net.ipv6.auto_flowlabels', 1, (value) => {
      this.flowLabels = value;
    });
    sysctl.watch('net.ipv6.max_hbh_opts_number', 8, (value) => {
      this.maxHopOptions = value;
    });
    sysctl.watch('net.ipv6.max_dst_opts_number', 8, (value) => {
      this.maxDestinationOptions = value;
    });
  }

  // ---- devices

  /** ipv6_add_dev: settings, groups and addresses of a device begin. */
  addDevice(dev: Device): void {
    this.conf.addDevice(dev);
    this.neigh.conf.addDevice(dev);
    const { sysctl } = this.ns;
    sysctl.watch(`net.ipv6.conf.${dev.name}.disable_ipv6`, 0, (value) => {
      if (value === 0) this.addresses.addDevice(dev);
      else if (this.addresses.isEnabled(dev)) this.addresses.removeDevice(dev);
    });
    let forwarding = this.conf.get(dev, FORWARDING) !== 0;
    sysctl.watch(`net.ipv6.conf.${dev.name}.forwarding`, 0, (value) => {
      if (forwarding !== (value !== 0)) this.addresses.changeForwarding(dev, value !== 0);
      forwarding = value !== 0;
    });
  }

  /** Routes by the device go with it. */
  deviceDown(dev: Device): void {
    this.fib.deviceDown(dev);
    this.neigh.deviceDown(dev);
  }

  /** `ip -6 neigh add proxy`: answer for an address, and hear who asks for it. pndisc_constructor. */
  addProxy(dev: Device, address: In6): void {
    this.neigh.addProxy6(dev, address);
    this.addresses.joinSolicitedNode(dev, address);
  }

  // ---- in

  /** ipv6_rcv; `pkt.data` at the IPv6 header. */
  receive(pkt: Packet, dev: Device): void {
    ip6Receive(this, pkt, dev);
  }

  /** ip6_input: past INPUT, to the packet's protocol. */
  deliver(pkt: Packet, dev: Device): void {
    ip6Input(this, pkt, dev);
  }

  /** ip6_route_input: put a route on the packet. */
  routeInput(pkt: Packet, dev: Device): void {
    this.routing.input(pkt, dev);
  }

  /** NF_HOOK of IPv6. @returns whether every function accepted; if not, the packet is gone */
  hook(hook: number, pkt: Packet, iif: Device, oif: Device): boolean {
    const verdict = this.ns.hooks6.run(hook, pkt, iif, oif);
    if (verdict === NF_ACCEPT) return true;
    if (verdict === NF_DROP) this.ns.drop(pkt, pkt.reason || NETFILTER_DROP);
    return false;
  }

  traceRoute(pkt: Packet): void {
    const { trace } = this.ns;
    if (trace === null) return;
    trace.record(this.routeStage, pkt, pkt.routeError === 0 ? pkt.routeType : RTN_UNREACHABLE, pkt.oif, pkt.nextHop);
  }

  traceDelivery(pkt: Packet, protocol: number): void {
    if (this.ns.trace !== null) this.ns.trace.record(this.deliverStage, pkt, protocol);
  }

  // ---- out

  /** ip6_local_out: header complete but for its length, route on it. @returns 0 or a negative errno */
  output(pkt: Packet): number {
    const length = pkt.end - pkt.l3 - ipv6.HEADER_LEN;
    ipv6.setPayloadLength(pkt.view, pkt.l3, length > MAX_PAYLOAD ? 0 : length);
    return ip6LocalOutHook(this, pkt);
  }

  /** ip6_finish_output2: to the neighbour. */
  finishOutput(pkt: Packet): number {
    return ip6FinishOutput2(this, pkt);
  }

  /** A header for a packet of this host at `pkt.data`, from a flow that was looked up; the length comes later. */
  writeHeader(pkt: Packet, flow: Flow6, trafficClass: number, hopLimit: number): void {
    const { view: v, data: at } = pkt;
    pkt.l3 = at;
    pkt.l4 = at + ipv6.HEADER_LEN;
    pkt.protocol = ethernet.ETH_P_IPV6;
    v.setUint32(at, ((VERSION << 28) | (trafficClass << 20) | this.flowLabel(flow)) >>> 0);
    ipv6.setNextHeader(v, at, flow.protocol);
    ipv6.setHopLimit(v, at, hopLimit);
    writeIn6(v, at + SRC, flow.src);
    writeIn6(v, at + DST, flow.dst);
  }

  /** ip6_make_flowlabel: Linux hashes the flow with a key of its own. */
  private flowLabel({ src, dst, protocol, srcPort, dstPort }: Flow6): number {
    if (this.flowLabels === 0) return 0;
    let hash = this.labelSeed ^ protocol ^ (srcPort << 16) ^ dstPort;
    for (let i = 0; i < 4; i++) hash = Math.imul(hash ^ src[i]! ^ (dst[i]! << 1), 0x9e3779b1) ^ (hash >>> 15);
    return hash & 0xfffff;
  }

  /**
   * ip6_route_me_harder: route a packet of this host again by what its header says now.
   * @returns false when there is no way; `pkt.routeError` is the errno then
   */
  routeMeHarder(pkt: Packet): boolean {
    const { flow, routing } = this;
    const { view, l3 } = pkt;
    flow.clear();
    readIn6(view, l3 + SRC, flow.src);
    readIn6(view, l3 + DST, flow.dst);
    const near = isMulticast(flow.dst[0]!) || isLinkLocal(flow.dst[0]!);
    flow.oif = near ? pkt.oif : 0;
    flow.mark = pkt.mark;
    const error = routing.output(flow);
    if (error === 0) routing.rt.apply(pkt);
    else pkt.routeError = -error;
    return error === 0;
  }

  /** nf_dup_ipv6_route: put the route to a gateway on a packet that goes elsewhere. @param oif 0: by any device */
  routeTo(pkt: Packet, gateway: In6, oif: number): boolean {
    const { flow, routing } = this;
    flow.clear();
    flow.dst.set(gateway);
    flow.oif = oif;
    if (routing.output(flow) !== 0) return false;
    routing.rt.apply(pkt);
    // FLOWI_FLAG_KNOWN_NH: the header's destination is not the neighbour.
    if (pkt.nextHop === 0) pkt.nextHop = this.fib.gatewayNumber(gateway);
    return true;
  }

  /**
   * A process sends on a raw socket with a header of its own (rawv6_send_hdrinc, net/ipv6/raw.c); `pkt.data` at its IPv6
   * header, which goes out as it is.
   * @returns 0 or a negative errno; the packet is gone either way
   */
  sendRaw(pkt: Packet): number {
    const error = this.prepareRaw(pkt);
    if (error === 0) return ip6LocalOutHook(this, pkt);
    this.ns.drop(pkt, 0);
    return error;
  }

  private prepareRaw(pkt: Packet): number {
    const { view, data: at, end } = pkt;
    if (end - at < ipv6.HEADER_LEN) return -EINVAL;
    pkt.l3 = at;
    pkt.l4 = at + ipv6.HEADER_LEN;
    const { flow } = this;
    flow.clear();
    readIn6(view, at + DST, flow.dst);
    // :: means loopback (BSD'ism).
    if (isAny(flow.dst)) flow.dst[3] = 1;
    const error = this.routing.lookup(flow);
    if (error !== 0) return error;
    this.routing.rt.apply(pkt);
    pkt.flags |= FLAG_SOCKET;
    return end - at > this.routing.rt.dev!.mtu ? -EMSGSIZE : 0;
  }

  // ---- addresses

  /** match_lookup_rt6: the bits 1 << RTN_* that routes tell of an address in a packet; with a device, as that device would. */
  routedTypes(view: DataView, at: number, dev: Device | null): number {
    const { flow, routing } = this;
    flow.clear();
    readIn6(view, at, flow.dst);
    flow.oif = dev === null ? 0 : dev.index;
    const own = dev !== null && this.addresses.hasOn(dev, flow.dst) ? 1 << RTN_LOCAL : 0;
    if (routing.output(flow) !== 0) return 1 << RTN_UNREACHABLE;
    const { type } = routing.rt;
    if (type === RTN_ANYCAST || (type === RTN_LOCAL && dev === null)) return own | (1 << type);
    return own;
  }

  /** ipv6_dev_get_saddr towards the address at `at` of a packet; null when there is none. */
  selectSource(dev: Device, pkt: Packet, at: number): In6 | null {
    return this.addresses.select(dev, readIn6(pkt.view, at, this.address));
  }

  /** The device by which a gateway is reached on its link, or null. */
  deviceTo(gateway: In6): Device | null {
    const { flow, routing } = this;
    flow.clear();
    flow.dst.set(gateway);
    if (routing.output(flow) !== 0 || routing.rt.nextHop !== 0 || routing.rt.dev!.loopback) return null;
    return routing.rt.dev;
  }

  /** IP6_REPLY_MARK: the mark of an answer. */
  reflectedMark(pkt: Packet): number {
    return this.reflectMark ? pkt.mark : 0;
  }

  /** Is IPv6 off on the device? */
  isDisabled(dev: Device): boolean {
    return this.conf.get(dev, DISABLE_IPV6) !== 0;
  }
}
