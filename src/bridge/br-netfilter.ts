/**
 * Bridged IPv4 frames walk the hooks of IPv4: net/bridge/br_netfilter_hooks.c. One per namespace, a set of functions on the
 * hooks of bridges; the bridge knows them by no other way than {@link BrNetfilter.resume}.
 *
 * `physIn` not 0 says that a packet has a nf_bridge_info. FLAG_BRIDGED says that PREROUTING has been run for it on the bridge,
 * and must not be run again when the host takes it. @module
 */
import type { Device } from '../net/device.ts';
import {
  FORWARD,
  INPUT,
  NF_ACCEPT,
  NF_DROP,
  NF_STOLEN,
  POSTROUTING,
  PREROUTING,
  PRI_CONNTRACK_CONFIRM,
  type Verdict,
} from '../net/hook.ts';
import { type FragmentSink, fragmentPacket } from '../net/ip-fragment.ts';
import { ipReceiveFinish } from '../net/ip-receive.ts';
import type { Netns } from '../net/netns.ts';
import { dropRoute, RT_INPUT } from '../net/route.ts';
import { routeByHeader } from '../net/route-input.ts';
import { RTN_UNICAST } from '../net/rtn.ts';
import * as ethernet from '../packet/ethernet.ts';
import * as ipv4 from '../packet/ipv4.ts';
import {
  FLAG_BRIDGED,
  FLAG_BRIDGED_DNAT,
  FLAG_DEFRAG,
  FLAG_FRAG_PMTU,
  PACKET_HOST,
  PACKET_OTHERHOST,
  type Packet,
} from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as vlan from '../packet/vlan.ts';
import type { Bridge } from './bridge.ts';

/** enum nf_br_hook_priorities, and NF_IP_PRI_FIRST. */
const NF_BR_PRI_BRNF = 0;
const NF_BR_PRI_LAST = 2 ** 31 - 1;
const NF_IP_PRI_FIRST = -(2 ** 31);

const IP_INHDR = reason('IP_INHDR');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');

const ETH_ALEN = 6;
const ETH_P_PPP_SES = 0x8864;
const PPPOE_SES_HLEN = 8;
const PPP_IP = 0x0021;

/** The hook functions of one namespace's bridges. */
export class BrNetfilter implements FragmentSink {
  private readonly ns: Netns;
  /** The packet that is being fragmented, and the port that its fragments leave by. */
  private framed: Packet | null = null;
  private egress: Device | null = null;
  private callIptables = 0;
  private filterVlanTagged = 0;
  private filterPppoeTagged = 0;

  constructor(ns: Netns) {
    this.ns = ns;
    const { sysctl, hooksBridge, hooks4 } = ns;
    sysctl.watch('net.bridge.bridge-nf-call-iptables', 1, (value) => {
      this.callIptables = value;
    });
    sysctl.watch('net.bridge.bridge-nf-filter-vlan-tagged', 0, (value) => {
      this.filterVlanTagged = value;
    });
    sysctl.watch('net.bridge.bridge-nf-filter-pppoe-tagged', 0, (value) => {
      this.filterPppoeTagged = value;
    });
    for (const key of ['ip6tables', 'arptables']) sysctl.define(`net.bridge.bridge-nf-call-${key}`, 1);
    const on = (hook: number, priority: number, run: (pkt: Packet, iif: Device, oif: Device) => Verdict): void =>
      hooksBridge.register(hook, { priority, run: (pkt, _hook, iif, oif) => run(pkt, iif, oif) });
    on(PREROUTING, NF_BR_PRI_BRNF, (pkt, iif) => this.preRouting(pkt, iif));
    on(INPUT, NF_BR_PRI_LAST, (pkt, iif) => this.localIn(pkt, iif));
    on(FORWARD, NF_BR_PRI_BRNF, (pkt, iif, oif) => this.forward(pkt, iif, oif));
    on(POSTROUTING, NF_BR_PRI_LAST, (pkt, _iif, oif) => this.postRouting(pkt, oif));
    hooks4.register(PREROUTING, { priority: NF_IP_PRI_FIRST, run: (pkt, _hook, iif) => this.sabotageIn(pkt, iif) });
  }

  /**
   * A frame that was DNATed to a station of its own bridge has that station's address now, and comes to the bridge as if the
   * host sent it: put the sender's address back and let the bridge go on. br_nf_pre_routing_finish_bridge_slow.
   */
  resume(pkt: Packet, bridge: Bridge): void {
    const v = pkt.view;
    const saved = pkt.data - ETH_ALEN;
    ethernet.setSrc(v, pkt.data, v.getUint16(saved), v.getInt32(saved + 2));
    pkt.flags &= ~FLAG_BRIDGED_DNAT;
    pkt.l2 = pkt.data;
    pkt.physOut = 0;
    const port = bridge.portOf(pkt.physIn);
    if (port === undefined) this.ns.drop(pkt, NOT_SPECIFIED);
    else bridge.finish(pkt, port);
  }

  /** br_nf_pre_routing and br_nf_pre_routing_finish. */
  private preRouting(pkt: Packet, iif: Device): Verdict {
    pkt.physIn = 0;
    pkt.physOut = 0;
    if (this.callIptables === 0) return NF_ACCEPT;
    const encapsulation = this.encapsulation(pkt);
    if (encapsulation < 0) return NF_ACCEPT;
    if (!this.enter(pkt, encapsulation)) return NF_DROP;
    const bridge = iif.master as Bridge;
    const otherhost = pkt.pktType === PACKET_OTHERHOST;
    if (otherhost) pkt.pktType = PACKET_HOST;
    pkt.physIn = iif.index;
    pkt.iif = bridge.index;
    const destination = ipv4.dst(pkt.view, pkt.l3);
    const verdict = this.ns.hooks4.run(PREROUTING, pkt, bridge, this.ns.noDevice);
    if (verdict !== NF_ACCEPT) return verdict;
    pkt.flags |= FLAG_BRIDGED;
    if (otherhost) pkt.pktType = PACKET_OTHERHOST;
    if (ipv4.dst(pkt.view, pkt.l3) !== destination) return this.translated(pkt, iif, bridge, encapsulation);
    setFakeRoute(pkt, bridge);
    leave(pkt, encapsulation);
    return NF_ACCEPT;
  }

  /** DNAT, or a reply's SNAT undone: where to is for routing to say. The route may lead back to the same bridge. */
  private translated(pkt: Packet, iif: Device, bridge: Bridge, encapsulation: number): Verdict {
    const why = routeByHeader(this.ns.ip.input, pkt, bridge);
    if (why !== 0) {
      pkt.reason = why;
      return NF_DROP;
    }
    leave(pkt, encapsulation);
    if (pkt.routeType === RTN_UNICAST && pkt.oif === bridge.index) return this.bridgedDnat(pkt, iif, bridge);
    // Routed, or ours: the host has to take it.
    ethernet.setDst(pkt.view, pkt.l2, bridge.macHigh, bridge.macLow);
    pkt.pktType = PACKET_HOST;
    return NF_ACCEPT;
  }

  /** Give the frame its new station's address, which may have to be asked for: br_nf_pre_routing_finish_bridge. */
  private bridgedDnat(pkt: Packet, iif: Device, bridge: Bridge): Verdict {
    const verdict = this.ns.hooksBridge.run(PREROUTING, pkt, iif, this.ns.noDevice, NF_BR_PRI_BRNF);
    if (verdict !== NF_ACCEPT) return verdict;
    // The neighbour's code writes the whole Ethernet header, so the sender's address waits in front of it.
    const v = pkt.view;
    const saved = pkt.l2 - ETH_ALEN;
    if (saved < pkt.head) return NF_DROP;
    v.setUint16(saved, ethernet.srcHigh(v, pkt.l2));
    v.setInt32(saved + 2, ethernet.srcLow(v, pkt.l2));
    pkt.flags |= FLAG_BRIDGED_DNAT;
    pkt.data = pkt.l3;
    this.ns.neigh.output(bridge, pkt.nextHop, pkt);
    return NF_STOLEN;
  }

  /** A copy that the host takes confirms the connection first, whatever becomes of it: br_nf_local_in. */
  private localIn(pkt: Packet, iif: Device): Verdict {
    dropFakeRoute(pkt);
    if (pkt.ct < 0 || pkt.pktType === PACKET_HOST) return NF_ACCEPT;
    pkt.data = pkt.l3;
    const verdict = this.ns.hooks4.run(INPUT, pkt, iif.master!, this.ns.noDevice, PRI_CONNTRACK_CONFIRM - 1);
    pkt.data = pkt.l2;
    return verdict;
  }

  /** br_nf_forward: once for each port that the frame leaves by. */
  private forward(pkt: Packet, iif: Device, oif: Device): Verdict {
    if (pkt.physIn === 0) return NF_ACCEPT;
    const encapsulation = this.encapsulation(pkt);
    if (encapsulation < 0) return NF_ACCEPT;
    if (!this.enter(pkt, encapsulation)) return NF_DROP;
    const otherhost = pkt.pktType === PACKET_OTHERHOST;
    if (otherhost) pkt.pktType = PACKET_HOST;
    pkt.physOut = oif.index;
    const verdict = this.ns.hooks4.run(FORWARD, pkt, iif.master!, oif.master!);
    if (otherhost) pkt.pktType = PACKET_OTHERHOST;
    leave(pkt, encapsulation);
    return verdict;
  }

  /** br_nf_post_routing and br_nf_dev_queue_xmit. What the host itself routed out has been here before. */
  private postRouting(pkt: Packet, oif: Device): Verdict {
    if (pkt.physIn === 0 || pkt.physOut === 0) return NF_ACCEPT;
    const encapsulation = this.encapsulation(pkt);
    if (encapsulation < 0) return NF_ACCEPT;
    const otherhost = pkt.pktType === PACKET_OTHERHOST;
    if (otherhost) pkt.pktType = PACKET_HOST;
    pkt.l3 += encapsulation;
    pkt.data = pkt.l3;
    pkt.protocol = ethernet.ETH_P_IP;
    const verdict = this.ns.hooks4.run(POSTROUTING, pkt, this.ns.noDevice, oif.master!);
    if (verdict !== NF_ACCEPT) return verdict;
    if (otherhost) pkt.pktType = PACKET_OTHERHOST;
    const mtu = pkt.fragMax === 0 ? oif.mtu : Math.min(pkt.fragMax, oif.mtu);
    // A VLAN tag is not counted, the header of PPPoE is.
    if (pkt.length + (encapsulation === PPPOE_SES_HLEN ? PPPOE_SES_HLEN : 0) > mtu) {
      this.refragment(pkt, oif);
      return NF_STOLEN;
    }
    forget(pkt);
    leave(pkt, encapsulation);
    return NF_ACCEPT;
  }

  /** Frames again of a packet that came in several, or that the port cannot take: br_nf_ip_fragment. */
  private refragment(pkt: Packet, oif: Device): void {
    const field = ipv4.fragment(pkt.view, pkt.l3);
    if (((field & ipv4.DF) !== 0 && (pkt.flags & FLAG_DEFRAG) === 0) || pkt.fragMax > pkt.pathMtu) {
      this.ns.drop(pkt, NOT_SPECIFIED);
      return;
    }
    const [framed, egress] = [this.framed, this.egress];
    this.framed = pkt;
    this.egress = oif;
    // br_validate_ipv4 forgets what anybody knew of the options.
    pkt.options = pkt.optionFlags = 0;
    fragmentPacket(this.ns, pkt, pkt.pathMtu, this);
    this.framed = framed;
    this.egress = egress;
  }

  /** A fragment gets the link header that the packet had: br_nf_push_frag_xmit. */
  finishOutput(pkt: Packet): number {
    const [whole, dev] = [this.framed!, this.egress!];
    const length = whole.l3 - whole.l2;
    if (!pkt.push(length)) {
      this.ns.drop(pkt, NOT_SPECIFIED);
      return 0;
    }
    for (let i = 0; i < length; i++) pkt.bytes[pkt.data + i] = whole.bytes[whole.l2 + i]!;
    pkt.l2 = pkt.data;
    forget(pkt);
    leave(pkt, length - ethernet.HEADER_LEN);
    (dev.master as Bridge).push(pkt, dev);
    return 0;
  }

  /** ip_sabotage_in: PREROUTING has seen it on the bridge, so it goes on behind that. */
  private sabotageIn(pkt: Packet, iif: Device): Verdict {
    if ((pkt.flags & FLAG_BRIDGED) === 0) return NF_ACCEPT;
    pkt.flags &= ~FLAG_BRIDGED;
    ipReceiveFinish(this.ns, pkt, iif);
    return NF_STOLEN;
  }

  /** Bytes between the Ethernet header and the IPv4 header of a frame that netfilter shall see, or -1 when it shall not. */
  private encapsulation(pkt: Packet): number {
    const v = pkt.view;
    const at = pkt.l2 + ethernet.HEADER_LEN;
    const type = ethernet.type(v, pkt.l2);
    if (type === ethernet.ETH_P_IP) return 0;
    if (vlan.isTag(type)) {
      if (this.filterVlanTagged === 0 || pkt.end - at < vlan.HEADER_LEN) return -1;
      return vlan.type(v, at) === ethernet.ETH_P_IP ? vlan.HEADER_LEN : -1;
    }
    if (type !== ETH_P_PPP_SES || this.filterPppoeTagged === 0 || pkt.end - at < PPPOE_SES_HLEN) return -1;
    return v.getUint16(at + PPPOE_SES_HLEN - 2) === PPP_IP ? PPPOE_SES_HLEN : -1;
  }

  /** Stand at the IPv4 header if it is one, trimmed to its length: br_validate_ipv4. */
  private enter(pkt: Packet, encapsulation: number): boolean {
    const v = pkt.view;
    const at = pkt.l2 + ethernet.HEADER_LEN + encapsulation;
    if (ipv4.check(v, at, pkt.end) !== 0) {
      pkt.reason = IP_INHDR;
      return false;
    }
    pkt.end = at + ipv4.totalLength(v, at);
    pkt.l3 = at;
    pkt.l4 = at + ipv4.headerLength(v, at);
    pkt.data = at;
    pkt.protocol = ethernet.ETH_P_IP;
    // Its IPCB is cleared: nobody remembers on a bridge that the fragments had DF.
    pkt.flags &= ~FLAG_FRAG_PMTU;
    return true;
  }
}

/** Back to the Ethernet header, which may lie elsewhere now: fragments may have become one packet. */
function leave(pkt: Packet, encapsulation: number): void {
  pkt.l3 -= encapsulation;
  pkt.data = pkt.l2;
  pkt.protocol = ethernet.type(pkt.view, pkt.l2);
}

/** br_drop_fake_rtable: a route that was really looked up stays. */
function dropFakeRoute(pkt: Packet): void {
  if (pkt.physIn !== 0 && (pkt.routeFlags & RT_INPUT) === 0) dropRoute(pkt);
}

/** nf_bridge_info_free, and the fake route with it. */
function forget(pkt: Packet): void {
  dropFakeRoute(pkt);
  pkt.physIn = 0;
  pkt.physOut = 0;
  pkt.flags &= ~FLAG_BRIDGED;
}

/** Hooks behind PREROUTING expect a route: the bridge's fake_rtable leads to the bridge. */
function setFakeRoute(pkt: Packet, bridge: Bridge): void {
  pkt.routeType = RTN_UNICAST;
  pkt.routeFlags = 0;
  pkt.routeError = 0;
  pkt.oif = bridge.index;
  pkt.nextHop = ipv4.dst(pkt.view, pkt.l3);
  pkt.pathMtu = bridge.mtu;
}

/** What a namespace keeps of it. */
class BridgePernet {
  netfilter: BrNetfilter | null = null;
}

/** The bridge netfilter of a namespace: it begins to exist when first asked for, as the module's per-net part does. */
export function brNetfilter(ns: Netns): BrNetfilter {
  const pernet = ns.generic(BridgePernet);
  pernet.netfilter ??= new BrNetfilter(ns);
  return pernet.netfilter;
}
