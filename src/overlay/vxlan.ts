/**
 * The VXLAN device: Ethernet frames in UDP, RFC 7348 as drivers/net/vxlan/vxlan_core.c does it, over IPv4. What the frame's
 * packet had of a mark goes with the outer one. The device is the bridge port or the interface of the inside; the outside is
 * the IP layer of its namespace. @module
 */
import { writeArpReply } from '../bridge/arp-proxy.ts';
import { formatStation } from '../bridge/mac-table.ts';
import { Device, type DeviceConfig } from '../net/device.ts';
import { Flow } from '../net/flow.ts';
import { NUD_CONNECTED } from '../net/neigh.ts';
import type { Netns } from '../net/netns.ts';
import { ethTypeTrans } from '../net/receive.ts';
import { RT_GATEWAY, RT_MTU_LOCKED } from '../net/route.ts';
import { RTN_LOCAL, RTN_UNICAST } from '../net/rtn.ts';
import { format4 } from '../packet/address.ts';
import * as arp from '../packet/arp.ts';
import * as ethernet from '../packet/ethernet.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import { FLAG_CSUM_VALID, PACKET_HOST, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as udp from '../packet/udp.ts';
import * as vlan from '../packet/vlan.ts';
import * as vxlan from '../packet/vxlan.ts';
import type { Stage } from '../sim/trace.ts';
import * as ecn from './ecn.ts';
import { flowHash } from './flow-hash.ts';
import { scrub, scrubOuter } from './scrub.ts';
import { fragmentationNeeded } from './tunnel-pmtu.ts';
import { tunnelXmit } from './tunnel-xmit.ts';
import { type FdbMode, NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE, type Remote, VxlanFdb } from './vxlan-fdb.ts';
import { vxlanSocket } from './vxlan-socket.ts';

const NOMEM = reason('NOMEM');
const DEV_READY = reason('DEV_READY');
const NO_TX_TARGET = reason('NO_TX_TARGET');
const IP_OUTNOROUTES = reason('IP_OUTNOROUTES');
const TUNNEL_TXINFO = reason('TUNNEL_TXINFO');
const LOCAL_MAC = reason('LOCAL_MAC');
const MAC_INVALID_SOURCE = reason('MAC_INVALID_SOURCE');
const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const IP_TUNNEL_ECN = reason('IP_TUNNEL_ECN');
const VXLAN_VNI_NOT_FOUND = reason('VXLAN_VNI_NOT_FOUND');
const VXLAN_ENTRY_EXISTS = reason('VXLAN_ENTRY_EXISTS');

/** Bytes in front of the inner frame, and of all that is in front of the inner packet: vxlan_headroom. */
const OUTER_LEN: number = ipv4.HEADER_LEN + udp.HEADER_LEN + vxlan.HEADER_LEN;
const HEADROOM: number = OUTER_LEN + ethernet.HEADER_LEN;

/** INADDR_LOOPBACK: where a station is said to be that another device of this host has sent from. */
const LOOPBACK = (127 << 24) | 1;

/** What `ip link add type vxlan` says. */
export interface VxlanConfig extends DeviceConfig {
  /** Network identifier, 0..0xffffff; of no use with `external`. */
  readonly vni: number;
  /** Outer source address, int32; absent: as the route says. */
  readonly local?: number;
  /** Where frames go whose station is not known, int32: the first entry of the flood list. */
  readonly remote?: number;
  /** The device that packets to `remote` leave by. */
  readonly lower?: Device;
  /** UDP port, host order; default 8472. */
  readonly dstPort?: number;
  /** First UDP source port and one past the last; default: those for local ports. */
  readonly srcPorts?: readonly [number, number];
  /** Default: the namespace's. */
  readonly ttl?: number | 'inherit';
  /** The outer's DSCP; default 0. ECN is always carried. */
  readonly tos?: number | 'inherit';
  /** DF of the outer packet; default unset. */
  readonly df?: 'unset' | 'set' | 'inherit';
  /** Learn from the packets that arrive; default true. */
  readonly learning?: boolean;
  /** Default true. */
  readonly udpChecksum?: boolean;
  /** Answer ARP requests from the neighbour table; default false. */
  readonly proxy?: boolean;
  /** VNI and endpoint come with each frame, and none does here: such a device receives only. Default false. */
  readonly external?: boolean;
  /** Nanoseconds until a learned station is forgotten; default 300 s. */
  readonly ageing?: number;
  /** Stations at most; default 0, no limit. */
  readonly maxAddresses?: number;
}

/** What is said of a station: see {@link Remote}; port and VNI are the device's where absent. */
export interface VxlanEntry {
  readonly address: number;
  readonly port?: number;
  readonly vni?: number;
  readonly ifindex?: number;
}

const TTL_INHERIT = -1;
const TOS_INHERIT = 1; // as iproute2 says it to the kernel
/** ip_local_port_range. */
const LOCAL_PORTS = [32_768, 60_999] as const;
const IPV6_HOP_LIMIT = 7;

/** A VXLAN device. */
export class Vxlan extends Device {
  readonly fdb: VxlanFdb;
  readonly vni: number;
  readonly dstPort: number;
  readonly external: boolean;
  private readonly config: VxlanConfig;
  private readonly ttl: number;
  private readonly tos: number;
  private readonly srcPorts: readonly [number, number];
  private readonly learns: boolean;
  private readonly flow = new Flow();
  private readonly hashKey: number;
  private readonly stage: Stage;

  constructor(ns: Netns, config: VxlanConfig) {
    super(ns, config);
    this.config = config;
    this.vni = config.vni;
    this.dstPort = config.dstPort ?? vxlan.LINUX_PORT;
    this.external = config.external ?? false;
    this.ttl = config.ttl === 'inherit' ? TTL_INHERIT : (config.ttl ?? 0);
    this.tos = config.tos === 'inherit' ? TOS_INHERIT : (config.tos ?? 0);
    const range = config.srcPorts ?? LOCAL_PORTS;
    this.srcPorts = range[0] < range[1] ? range : LOCAL_PORTS;
    this.learns = config.learning ?? true;
    this.hashKey = ns.random.u32();
    this.fdb = new VxlanFdb(ns.clock, config.ageing, config.maxAddresses);
    const { remote = 0, lower } = config;
    if (remote !== 0)
      this.fdb.create(
        0,
        0,
        0,
        this.remote({ address: remote, ifindex: lower?.index ?? 0 }),
        NUD_REACHABLE | NUD_PERMANENT,
      );
    this.stage = {
      kind: 'vxlan',
      ns: ns.name,
      describe: (address, vni) => ({ device: this.name, remote: format4(address), vni }),
    };
    this.neededHeadroom = ethernet.HEADER_LEN + HEADROOM;
    vxlanSocket(ns, this.dstPort).add(this);
  }

  /** `bridge fdb add | append | replace MAC dev THIS dst ADDRESS`. @throws {RangeError} where the kernel refuses */
  setEntry(mac: Uint8Array, to: VxlanEntry, state: number = NUD_PERMANENT, mode: FdbMode = 'replace'): void {
    const high = (mac[0]! << 8) | mac[1]!;
    const low = (mac[2]! << 24) | (mac[3]! << 16) | (mac[4]! << 8) | mac[5]!;
    this.fdb.set(high, low, this.external ? this.vni : 0, this.remote(to), state, mode);
  }

  /** A frame to the inside's other ends: vxlan_xmit. */
  transmit(pkt: Packet): void {
    const v = pkt.view;
    const l2 = pkt.data;
    pkt.l2 = l2;
    if (!this.up) this.ns.drop(pkt, DEV_READY);
    else if (this.external) this.ns.drop(pkt, TUNNEL_TXINFO);
    else if (this.config.proxy && ethernet.type(v, l2) === ethernet.ETH_P_ARP) this.reduceArp(pkt);
    else {
      let row = this.fdb.find(ethernet.dstHigh(v, l2), ethernet.dstLow(v, l2), 0);
      if (row < 0) row = this.fdb.find(0, 0, 0);
      if (row < 0) this.ns.drop(pkt, NO_TX_TARGET);
      else this.sendToAll(pkt, row);
    }
  }

  /** A frame that another VXLAN device of this host would have sent through the outside: vxlan_encap_bypass. */
  bypass(pkt: Packet): void {
    if (!this.up) {
      this.ns.drop(pkt, DEV_READY);
      return;
    }
    if (this.learns) this.learn(pkt, pkt.l2, this.vni, LOOPBACK);
    this.arrive(pkt);
  }

  /** The inside of a packet from `source`, which begins at `pkt.data`: the second half of vxlan_rcv. */
  decapsulate(pkt: Packet, vni: number, source: number, tos: number): void {
    const why = this.admit(pkt, vni, source, tos);
    if (why !== 0) {
      this.ns.drop(pkt, why);
      return;
    }
    scrub(pkt);
    pkt.flags = FLAG_CSUM_VALID;
    ethTypeTrans(pkt, this);
    this.ns.world.backlog.push(this, pkt);
  }

  private remote(to: VxlanEntry): Remote {
    return { address: to.address, port: to.port ?? this.dstPort, vni: to.vni ?? this.vni, ifindex: to.ifindex ?? 0 };
  }

  /** The lines of `bridge fdb show` about this table. */
  fdbLines(): string[] {
    const { fdb } = this;
    fdb.purge();
    const lines: string[] = [];
    for (let row = 0; row < fdb.end; row++) {
      if (fdb.inUse[row] === 0) continue;
      for (let remote = fdb.first[row]!; remote >= 0; remote = fdb.next[remote]!) lines.push(this.fdbLine(row, remote));
    }
    return lines;
  }

  private fdbLine(row: number, remote: number): string {
    const { fdb } = this;
    const [address, port, vni, ifindex] = [fdb.address, fdb.port, fdb.vni, fdb.ifindex].map(
      (column) => column[remote]!,
    );
    const words = [formatStation(fdb.high[row]!, fdb.low[row]!), 'dev', this.name];
    if (address !== 0) words.push('dst', format4(address!));
    if (port !== 0 && port !== this.dstPort) words.push('port', String(port));
    if (vni !== this.vni) words.push('vni', String(vni));
    if (this.external && fdb.domain[row] !== 0) words.push('src_vni', String(fdb.domain[row]));
    if (ifindex !== 0) words.push('via', this.ns.devices[ifindex!]!.name);
    words.push('self');
    if ((fdb.state[row]! & NUD_PERMANENT) !== 0) words.push('permanent');
    else if ((fdb.state[row]! & NUD_NOARP) !== 0) words.push('static');
    return words.join(' ');
  }

  /** The first of several goes last, with the frame itself. */
  private sendToAll(pkt: Packet, row: number): void {
    const { fdb } = this;
    const first = fdb.first[row]!;
    for (let remote = fdb.next[first]!; remote >= 0; remote = fdb.next[remote]!) {
      const twin = this.ns.pool.copy(pkt);
      if (twin !== null) this.send(twin, remote);
    }
    this.send(pkt, first);
  }

  /** vxlan_xmit_one. */
  private send(pkt: Packet, remote: number): void {
    const { ns, fdb, flow } = this;
    const v = pkt.view;
    const tagged = vlan.isTag(ethernet.type(v, pkt.l2));
    pkt.l3 = pkt.l2 + ethernet.HEADER_LEN + (tagged ? vlan.HEADER_LEN : 0);
    const protocol = innerProtocol(v, pkt.l2, pkt.end);
    const inner = Math.max(0, ecn.dsfield(v, pkt.l3, pkt.end, protocol));
    const tos = this.tos === TOS_INHERIT ? inner : this.tos;
    const vni = fdb.vni[remote]!;
    flow.clear();
    flow.dst = fdb.address[remote]!;
    flow.src = this.config.local ?? 0;
    flow.oif = fdb.ifindex[remote]!;
    flow.tos = tos;
    flow.mark = pkt.mark;
    flow.protocol = ipv4.UDP;
    flow.srcPort = this.srcPort(pkt);
    flow.dstPort = fdb.port[remote]!;
    if (flow.dst === 0) ns.drop(pkt, NO_TX_TARGET);
    else if (ns.ip.routing.route(flow) !== 0 || ns.ip.routing.rt.dev === this) ns.drop(pkt, IP_OUTNOROUTES);
    else if (ns.ip.routing.rt.type === RTN_LOCAL) this.sendToSelf(pkt, flow.dstPort, vni);
    else if (this.isTooBig(pkt, ns.ip.routing.rt.mtu - HEADROOM)) this.arrive(pkt);
    else {
      if (ns.trace !== null) ns.trace.record(this.stage, pkt, flow.dst, vni);
      this.encapsulate(pkt, vni, ecn.encapsulate(tos, inner), this.outerTtl(pkt, protocol), this.outerDf(pkt, tagged));
    }
  }

  /** The outer headers, and off: udp_tunnel_xmit_skb and iptunnel_xmit. */
  private encapsulate(pkt: Packet, vni: number, tos: number, ttl: number, df: number): void {
    const { ns, flow } = this;
    if (!pkt.push(OUTER_LEN)) {
      ns.drop(pkt, NOMEM);
      return;
    }
    scrubOuter(pkt, this.index);
    ns.ip.routing.rt.apply(pkt);
    pkt.protocol = ethernet.ETH_P_IP;
    const v = pkt.view;
    const l3 = pkt.data;
    const l4 = l3 + ipv4.HEADER_LEN;
    pkt.l3 = l3;
    pkt.l4 = l4;
    v.setUint16(l3, 0x4500 | tos);
    ipv4.setTotalLength(v, l3, pkt.length);
    ipv4.setFragment(v, l3, df);
    v.setUint16(l3 + 8, (ttl << 8) | ipv4.UDP);
    v.setInt32(l3 + 12, flow.src);
    v.setInt32(l3 + 16, flow.dst);
    ns.ip.ids.select(pkt);
    vxlan.set(v, l4 + udp.HEADER_LEN, vni);
    udp.setSrcPort(v, l4, flow.srcPort);
    udp.setDstPort(v, l4, flow.dstPort);
    udp.setLength(v, l4, pkt.end - l4);
    if (this.config.udpChecksum ?? true) udp.fillChecksum(v, l4, pkt.end, ipv4.pseudo(v, l3, pkt.end - l4));
    else udp.setChecksum(v, l4, 0);
    tunnelXmit(ns, pkt);
  }

  /** encap_bypass_if_local: the endpoint is an address of this host. */
  private sendToSelf(pkt: Packet, dstPort: number, vni: number): void {
    const other = vxlanSocket(this.ns, dstPort).find(vni);
    if (other === null) this.ns.drop(pkt, VXLAN_VNI_NOT_FOUND);
    else other.bypass(pkt);
  }

  /**
   * A frame that the outside cannot take whole: whoever routed it here shall know, and if it must not be cut it is answered
   * where the device is a bridge's. skb_tunnel_check_pmtu.
   */
  private isTooBig(pkt: Packet, mtu: number): boolean {
    if (pkt.end - pkt.l3 <= mtu || ethernet.type(pkt.view, pkt.l2) !== ethernet.ETH_P_IP) return false;
    const known = this.tellPathMtu(pkt, mtu);
    if (this.master === null || !fragmentationNeeded(pkt, mtu)) return false;
    // The answer keeps the packet's route, whose next hop is the destination: now another, unless the path has an exception.
    if (!known && (pkt.routeFlags & RT_GATEWAY) === 0) pkt.nextHop = ipv4.dst(pkt.view, pkt.l3);
    return true;
  }

  /** @returns whether the path of the packet's route was known to be narrow */
  private tellPathMtu(pkt: Packet, mtu: number): boolean {
    if (pkt.routeType !== RTN_UNICAST || (pkt.routeFlags & RT_MTU_LOCKED) !== 0) return false;
    const { pmtu } = this.ns;
    const dst = ipv4.dst(pkt.view, pkt.l3);
    const known = pmtu.heed(dst, pkt.pathMtu) !== pkt.pathMtu;
    pmtu.update(dst, pkt.pathMtu, mtu);
    return known;
  }

  private outerTtl(pkt: Packet, protocol: number): number {
    const v = pkt.view;
    let { ttl } = this;
    if (ttl === TTL_INHERIT) {
      ttl = 0;
      if (protocol === ethernet.ETH_P_IP) ttl = ipv4.ttl(v, pkt.l3);
      if (protocol === ethernet.ETH_P_IPV6) ttl = v.getUint8(pkt.l3 + IPV6_HOP_LIMIT);
    }
    return ttl || this.ns.sysctl.get('net.ipv4.ip_default_ttl');
  }

  private outerDf(pkt: Packet, tagged: boolean): number {
    const { df } = this.config;
    if (df === 'set') return ipv4.DF;
    if (df !== 'inherit' || tagged) return 0;
    const type = ethernet.type(pkt.view, pkt.l2);
    if (type === ethernet.ETH_P_IP) return ipv4.fragment(pkt.view, pkt.l3) & ipv4.DF;
    return type === ethernet.ETH_P_IPV6 ? ipv4.DF : 0;
  }

  /** udp_flow_src_port. */
  private srcPort(pkt: Packet): number {
    const [min, max] = this.srcPorts;
    const hash = flowHash(pkt.view, pkt.l2, pkt.end, this.hashKey);
    return min + Math.floor(((hash ^ (hash << 16)) >>> 0) * ((max - min) / 2 ** 32));
  }

  /** The device takes in what it made, or another made for it, whatever the address. */
  private arrive(pkt: Packet): void {
    ethTypeTrans(pkt, this);
    pkt.pktType = PACKET_HOST;
    this.ns.world.backlog.push(this, pkt);
  }

  /** 0, or why a frame from outside is not let in. */
  private admit(pkt: Packet, vni: number, source: number, tos: number): number {
    if (pkt.length < ethernet.HEADER_LEN) return NOMEM;
    const v = pkt.view;
    const l2 = pkt.data;
    const [high, low] = [ethernet.srcHigh(v, l2), ethernet.srcLow(v, l2)];
    if (high === this.macHigh && low === this.macLow) return LOCAL_MAC;
    if ((high & 0x0100) !== 0 || (high === 0 && low === 0)) return MAC_INVALID_SOURCE;
    if (this.learns && !this.learn(pkt, l2, vni, source)) return VXLAN_ENTRY_EXISTS;
    const type = ethernet.type(v, l2);
    const l3 = l2 + ethernet.HEADER_LEN;
    if (type === ethernet.ETH_P_IP && pkt.end - l3 < ipv4.HEADER_LEN) return PKT_TOO_SMALL;
    if (type === ethernet.ETH_P_IPV6 && pkt.end - l3 < ipv6.HEADER_LEN) return PKT_TOO_SMALL;
    // Linux does not see through a VLAN tag here.
    if (!ecn.decapsulate(tos, v, l3, pkt.end, type)) return IP_TUNNEL_ECN;
    return this.up ? 0 : DEV_READY;
  }

  /** A station was heard from an endpoint: vxlan_snoop. @returns false when it is known to be elsewhere for good */
  private learn(pkt: Packet, l2: number, vni: number, source: number): boolean {
    const { fdb } = this;
    const v = pkt.view;
    const [high, low] = [ethernet.srcHigh(v, l2), ethernet.srcLow(v, l2)];
    const domain = this.external ? vni : 0;
    const row = fdb.find(high, low, domain);
    if (row >= 0) return fdb.refresh(row, source);
    fdb.learn(high, low, domain, source, this.dstPort, this.vni);
    return true;
  }

  /** Answer an ARP request for a neighbour that is known; no ARP leaves a device with `proxy`. arp_reduce. */
  private reduceArp(pkt: Packet): void {
    const { ns } = this;
    const v = pkt.view;
    const at = pkt.l2 + ethernet.HEADER_LEN;
    const row = isArpRequest(v, at, pkt.end) ? ns.neigh.find(this, arp.targetIp(v, at)) : -1;
    if (row >= 0 && (ns.neigh.table.state[row]! & NUD_CONNECTED) !== 0) {
      const [high, low] = [ns.neigh.table.macHigh[row]!, ns.neigh.table.macLow[row]!];
      const entry = this.fdb.find(high, low, 0);
      const local = entry >= 0 && this.fdb.address[this.fdb.first[entry]!] === 0;
      const reply = local ? null : ns.pool.take(ethernet.HEADER_LEN + arp.HEADER_LEN);
      if (reply !== null) {
        writeArpReply(reply, v, at, high, low);
        this.arrive(reply);
      }
    }
    ns.pool.release(pkt);
  }
}

/** Ethertype behind all VLAN tags, 0 if a tag is cut short. */
function innerProtocol(v: DataView, l2: number, end: number): number {
  const at = vlan.payload(v, l2, end);
  return at < 0 ? 0 : v.getUint16(at - 2);
}

function isArpRequest(v: DataView, at: number, end: number): boolean {
  if (arp.check(v, at, end) !== 0 || arp.operation(v, at) !== arp.REQUEST) return false;
  const type = arp.hardwareType(v, at);
  if (type !== arp.ARPHRD_ETHER && type !== arp.ARPHRD_IEEE802) return false;
  const net = arp.targetIp(v, at) >>> 24;
  return arp.protocolType(v, at) === ethernet.ETH_P_IP && net !== 127 && (net & 0xf0) !== 0xe0;
}
