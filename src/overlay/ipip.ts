/**
 * The IPIP tunnel: IPv4 packets in IPv4, RFC 2003 as net/ipv4/ipip.c and ip_tunnel.c do it. The device has no link layer: the
 * Ethernet header that the stack writes for it is taken off, and one of zeros put on what arrives. @module
 */
import { Device } from '../net/device.ts';
import { Flow } from '../net/flow.ts';
import type { Netns } from '../net/netns.ts';
import { RT_MTU_LOCKED } from '../net/route.ts';
import { RTN_UNICAST } from '../net/rtn.ts';
import { format4 } from '../packet/address.ts';
import * as ethernet from '../packet/ethernet.ts';
import { DEST_UNREACH, FRAG_NEEDED, PORT_UNREACH } from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import type { Stage } from '../sim/trace.ts';
import * as ecn from './ecn.ts';
import { scrub, scrubOuter } from './scrub.ts';
import { tunnelXmit } from './tunnel-xmit.ts';

const NOMEM = reason('NOMEM');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const PKT_TOO_BIG = reason('PKT_TOO_BIG');
const IP_OUTNOROUTES = reason('IP_OUTNOROUTES');
const IP_TUNNEL_ECN = reason('IP_TUNNEL_ECN');
const UNHANDLED_PROTO = reason('UNHANDLED_PROTO');

/** What `ip link add type ipip` says. */
export interface IpipConfig {
  readonly name: string;
  /** Outer addresses, int32; absent or 0: any. Without `remote` packets go to their route's next hop. */
  readonly local?: number;
  readonly remote?: number;
  /** Default inherit, 0. */
  readonly ttl?: number;
  readonly tos?: number | 'inherit';
  /** DF of the outer packet whatever the inner one says; default true but for tunl0. */
  readonly pmtudisc?: boolean;
  /** The device that outer packets leave by. */
  readonly lower?: Device;
  /** Bytes; default 20 less than that of the device that leads to the other end. */
  readonly mtu?: number;
}

/** The device that takes what no other tunnel does: made with the module, down until it is wanted. */
const FALLBACK = 'tunl0';
const TOS_INHERIT = 1;
const ETH_DATA_LEN = 1500;

/** A tunnel device. */
export class Ipip extends Device {
  override noArp = true;
  readonly local: number;
  readonly remote: number;
  readonly link: number;
  private readonly ttl: number;
  private readonly tos: number;
  private readonly df: number;
  private readonly flow = new Flow();
  private readonly stage: Stage;

  /** `ip link add NAME type ipip`. @throws {RangeError} when there is such a tunnel already */
  constructor(ns: Netns, config: IpipConfig) {
    const { local = 0, remote = 0, lower } = config;
    const tunnels = ns.generic(IpipTunnels);
    tunnels.require(config.name, local, remote, lower?.index ?? 0);
    super(ns, { name: config.name, mac: endpoint(local), mtu: config.mtu ?? ETH_DATA_LEN - ipv4.HEADER_LEN });
    this.local = local;
    this.remote = remote;
    this.link = lower?.index ?? 0;
    this.ttl = config.ttl ?? 0;
    this.tos = config.tos === 'inherit' ? TOS_INHERIT : (config.tos ?? 0);
    this.df = (config.pmtudisc ?? config.name !== FALLBACK) ? ipv4.DF : 0;
    this.neededHeadroom = ethernet.HEADER_LEN + ipv4.HEADER_LEN;
    this.stage = { kind: 'ipip', ns: ns.name, describe: (to) => ({ device: this.name, remote: format4(to) }) };
    tunnels.add(ns, this);
  }

  /** ipip_tunnel_xmit and ip_tunnel_xmit. */
  override transmit(pkt: Packet): void {
    const { ns, flow } = this;
    const { view } = pkt;
    if (ethernet.type(view, pkt.data) !== ethernet.ETH_P_IP) {
      ns.drop(pkt, UNHANDLED_PROTO);
      return;
    }
    const l3 = pkt.data + ethernet.HEADER_LEN;
    pkt.data = pkt.l3 = l3;
    const inner = ipv4.tos(view, l3);
    flow.clear();
    flow.dst = this.remote !== 0 ? this.remote : nextHop(pkt);
    flow.src = this.local;
    flow.oif = this.link;
    flow.tos = this.tos === TOS_INHERIT ? inner : this.tos;
    flow.protocol = ipv4.IPIP;
    const { routing } = ns.ip;
    if (flow.dst === 0) ns.drop(pkt, NOT_SPECIFIED);
    else if (routing.route(flow) !== 0 || routing.rt.dev === this) ns.drop(pkt, IP_OUTNOROUTES);
    else this.encapsulate(pkt, ecn.encapsulate(flow.tos, inner));
  }

  private encapsulate(pkt: Packet, tos: number): void {
    const { ns, flow } = this;
    const { view, l3 } = pkt;
    const { rt } = ns.ip.routing;
    const df = this.df | (ipv4.fragment(view, l3) & ipv4.DF);
    const ttl = this.ttl || ipv4.ttl(view, l3);
    if (this.isTooBig(pkt, df === 0 ? 0 : rt.mtu - ipv4.HEADER_LEN)) {
      ns.drop(pkt, PKT_TOO_BIG);
      return;
    }
    if (!pkt.push(ipv4.HEADER_LEN)) {
      ns.drop(pkt, NOMEM);
      return;
    }
    if (ns.trace !== null) ns.trace.record(this.stage, pkt, flow.dst);
    scrubOuter(pkt, this.index);
    rt.apply(pkt);
    pkt.protocol = ethernet.ETH_P_IP;
    const at = pkt.data;
    pkt.l3 = at;
    pkt.l4 = at + ipv4.HEADER_LEN;
    view.setUint16(at, 0x4500 | tos);
    ipv4.setFragment(view, at, (rt.flags & RT_MTU_LOCKED) !== 0 ? 0 : df);
    view.setUint16(at + 8, (ttl << 8) | ipv4.IPIP);
    view.setInt32(at + 12, flow.src);
    view.setInt32(at + 16, flow.dst);
    ns.ip.ids.select(pkt);
    tunnelXmit(ns, pkt);
  }

  /**
   * tnl_update_pmtu: whoever routed the packet here learns how much fits, and the sender of one that must not be cut is told.
   * @param room bytes that the path takes, 0 when the outer packet may be fragmented
   */
  private isTooBig(pkt: Packet, room: number): boolean {
    const { ns } = this;
    const routed = pkt.routeType === RTN_UNICAST;
    const mtu = room !== 0 ? room : routed ? pkt.pathMtu : this.mtu;
    const { view, l3 } = pkt;
    if (routed && mtu < pkt.pathMtu && (pkt.routeFlags & RT_MTU_LOCKED) === 0)
      ns.pmtu.update(ipv4.dst(view, l3), pkt.pathMtu, mtu);
    if ((ipv4.fragment(view, l3) & ipv4.DF) === 0 || mtu >= pkt.length) return false;
    ns.icmp.send(pkt, DEST_UNREACH, FRAG_NEEDED, mtu);
    return true;
  }

  /** ip_tunnel_rcv: an outer packet, whose inner one begins at `pkt.l4`. */
  receive(pkt: Packet): void {
    const { ns } = this;
    const tos = ipv4.tos(pkt.view, pkt.l3);
    pkt.data = pkt.l4;
    if (pkt.length < ipv4.HEADER_LEN) {
      ns.drop(pkt, NOT_SPECIFIED);
      return;
    }
    if (!ecn.decapsulate(tos, pkt.view, pkt.data, pkt.end, ethernet.ETH_P_IP)) {
      ns.drop(pkt, IP_TUNNEL_ECN);
      return;
    }
    scrub(pkt);
    pkt.push(ethernet.HEADER_LEN);
    pkt.bytes.fill(0, pkt.data, pkt.data + ethernet.HEADER_LEN);
    ethernet.setType(pkt.view, pkt.data, ethernet.ETH_P_IP);
    ns.world.backlog.push(this, pkt);
  }
}

/** The address of such a device is its outer one; nobody sees it. */
function endpoint(local: number): Uint8Array {
  return Uint8Array.of(local >>> 24, (local >>> 16) & 255, (local >>> 8) & 255, local & 255, 0, 0);
}

/** rt_nexthop, for a tunnel that has no other end of its own. */
const nextHop = (pkt: Packet): number => (pkt.routeType === 0 ? 0 : pkt.nextHop);

/** The tunnels of a namespace, struct ip_tunnel_net. */
class IpipTunnels {
  private readonly tunnels: Ipip[] = [];
  private fallback: Ipip | null = null;

  /** @throws {RangeError} when there is one with these ends */
  require(name: string, local: number, remote: number, link: number): void {
    const same = this.tunnels.some((one) => one.local === local && one.remote === remote && one.link === link);
    if (same && name !== FALLBACK) throw new RangeError(`${name}: a tunnel with these ends exists`);
  }

  add(ns: Netns, tunnel: Ipip): void {
    if (this.tunnels.length === 0 && this.fallback === null)
      ns.ip.protocols.set(ipv4.IPIP, (pkt) => this.receive(ns, pkt));
    if (tunnel.name === FALLBACK) this.fallback = tunnel;
    else this.tunnels.unshift(tunnel);
  }

  /** tunnel4_rcv and ipip_rcv. */
  private receive(ns: Netns, pkt: Packet): void {
    const { view, l3 } = pkt;
    const tunnel = this.find(ipv4.dst(view, l3), ipv4.src(view, l3), pkt.iif);
    if (tunnel !== null) {
      tunnel.receive(pkt);
      return;
    }
    ns.icmp.send(pkt, DEST_UNREACH, PORT_UNREACH, 0);
    ns.drop(pkt, NOT_SPECIFIED);
  }

  /** ip_tunnel_lookup: the one that says most about the packet's ends, and of those one that says the device. */
  private find(local: number, remote: number, iif: number): Ipip | null {
    let best: Ipip | null = null;
    let most = 0;
    for (let i = 0; i < this.tunnels.length; i++) {
      const tunnel = this.tunnels[i]!;
      const points = score(tunnel, local, remote, iif);
      if (points <= most) continue;
      best = tunnel;
      most = points;
    }
    if (best !== null) return best;
    return this.fallback?.up ? this.fallback : null;
  }
}

/** 0 for a tunnel that a packet is not for. */
function score(tunnel: Ipip, local: number, remote: number, iif: number): number {
  if (!tunnel.up) return 0;
  if (tunnel.local !== 0 && tunnel.local !== local) return 0;
  if (tunnel.remote !== 0 && tunnel.remote !== remote) return 0;
  const ends = (tunnel.remote === 0 ? 0 : 4) + (tunnel.local === 0 ? 0 : 2);
  return 1 + ends + (tunnel.link === iif ? 8 : 0);
}
