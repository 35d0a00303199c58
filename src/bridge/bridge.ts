/**
 * The Ethernet bridge: a device that is made of others, its ports. Follows net/bridge/br_input.c, br_forward.c,
 * br_device.c and br_if.c, with spanning tree and multicast snooping off: a group address is flooded.
 *
 * Between its methods a packet's `data` is at the Ethernet header, `l3` behind it. @module
 */
import { Device, type FrameHandler } from '../net/device.ts';
import { FORWARD, INPUT, NF_ACCEPT, NF_DROP, OUTPUT, POSTROUTING, PREROUTING } from '../net/hook.ts';
import type { Netns } from '../net/netns.ts';
import { receive } from '../net/receive.ts';
import * as ethernet from '../packet/ethernet.ts';
import { FLAG_BRIDGED_DNAT, PACKET_HOST, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as vlan from '../packet/vlan.ts';
import type { Stage } from '../sim/trace.ts';
import { ArpProxy } from './arp-proxy.ts';
import { brNetfilter } from './br-netfilter.ts';
import { FDB_ADDED_BY_EXT_LEARN, FDB_LOCAL, FDB_STATIC, FDB_STICKY, Fdb } from './fdb.ts';
import { formatStation } from './mac-table.ts';
import { BridgePort, PKT_BROADCAST, PKT_MULTICAST, PKT_UNICAST, type PortOptions } from './port.ts';
import { VlanGroup, type VlanOptions } from './vlan.ts';

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const NETFILTER_DROP = reason('NETFILTER_DROP');
const MAC_INVALID_SOURCE = reason('MAC_INVALID_SOURCE');
const MAC_IEEE_MAC_CONTROL = reason('MAC_IEEE_MAC_CONTROL');
const BRIDGE_INGRESS_STP_STATE = reason('BRIDGE_INGRESS_STP_STATE');
const NO_TX_TARGET = reason('NO_TX_TARGET');
const NOMEM = reason('NOMEM');
const DEV_READY = reason('DEV_READY');

/** 01:80:c2:00:00:00, the group of IEEE 802.1D table 7-10 whose sixteen addresses a bridge keeps to itself. */
const LINK_LOCAL_HIGH = 0x0180;
const LINK_LOCAL_LOW = 0xc2000000 | 0;
/** Of them: the bridge group itself (forwarded while there is no spanning tree), and pause frames. */
const BRIDGE_GROUP = 0;
const MAC_CONTROL = 1;

const ETH_P_RARP = 0x8035;
const ETH_DATA_LEN = 1500;

/** What the trace says of a frame. */
const ACTIONS = ['forward', 'flood', 'up'] as const;
const [TO_PORT, FLOOD, UP] = [0, 1, 2] as const;

/** What `ip link add type bridge` says. */
export interface BridgeConfig {
  readonly name: string;
  /** 6 bytes; absent: that of the port with the lowest, as ports come. */
  readonly mac?: Uint8Array;
  /** Bytes; absent: the smallest of the ports'. */
  readonly mtu?: number;
  /** Nanoseconds until a learned station is forgotten; default 300 s, 0: nothing is learned. */
  readonly ageing?: number;
  /** Stations that it learns at most (fdb_max_learned); default 0, no limit. */
  readonly maxLearned?: number;
  /** Bit n: frames to 01:80:c2:00:00:0n are forwarded; default 0. */
  readonly groupForwardMask?: number;
  /** The host takes a copy of every frame; default false. */
  readonly promiscuous?: boolean;
  /** Absent: the bridge knows no VLANs, as one of a kernel without CONFIG_BRIDGE_VLAN_FILTERING. */
  readonly vlans?: BridgeVlanConfig;
}

/** How a bridge that knows VLANs begins. */
export interface BridgeVlanConfig {
  /** Default false: ports have VLANs, but nothing heeds them. */
  readonly filtering?: boolean;
  /** Ethertype of the tags that count, 0x8100 (the default) or 0x88a8. */
  readonly protocol?: number;
  /** The VLAN that ports are in, untagged, from the beginning; default 1, 0: none. */
  readonly defaultPvid?: number;
}

/** A bridge of one namespace; it takes its ports' frames, and is a device of the host. */
export class Bridge extends Device implements FrameHandler {
  readonly fdb: Fdb;
  /** Youngest first: the order in which a flooded frame leaves. */
  readonly ports: BridgePort[] = [];
  private readonly byIndex: (BridgePort | undefined)[] = [];
  private readonly config: BridgeConfig;
  private readonly stage: Stage;
  private readonly arpProxy: ArpProxy;
  /** The bridge's own VLANs, as a port of the host; null where it knows none. */
  readonly vlanGroup: VlanGroup | null;
  private readonly vlanProtocol: number;
  private readonly filtering: boolean;

  constructor(ns: Netns, config: BridgeConfig) {
    super(ns, { name: config.name, mac: config.mac ?? randomMac(ns), mtu: config.mtu ?? ETH_DATA_LEN });
    this.config = config;
    this.fdb = new Fdb(ns.clock, config.ageing, config.maxLearned);
    if (config.mac !== undefined) this.fdb.addLocal(0, this.macHigh, this.macLow);
    this.arpProxy = new ArpProxy(this);
    const { vlans } = config;
    this.filtering = vlans?.filtering ?? false;
    this.vlanProtocol = vlans?.protocol ?? ethernet.ETH_P_8021Q;
    this.vlanGroup = vlans === undefined ? null : new VlanGroup();
    this.joinDefault(null);
    brNetfilter(ns);
    this.stage = { kind: 'bridge', ns: ns.name, describe: (action, port) => this.describe(action, port) };
  }

  /** Make a device a port: br_add_if. @throws {RangeError} when it belongs to a bridge already, or is one */
  addPort(dev: Device, options: PortOptions = {}): BridgePort {
    if (dev.ns !== this.ns || dev.loopback || dev instanceof Bridge)
      throw new RangeError(`${dev.name} cannot be a port of ${this.name}`);
    if (dev.master !== null) throw new RangeError(`${dev.name} is a port of ${dev.master.name} already`);
    const port = new BridgePort(dev, options);
    dev.master = this;
    dev.handler = this;
    this.ports.unshift(port);
    this.byIndex[dev.index] = port;
    this.fdb.addLocal(dev.index, dev.macHigh, dev.macLow);
    if (this.vlanGroup !== null) port.vlans = new VlanGroup();
    this.portsChanged();
    this.joinDefault(port);
    return port;
  }

  /** `bridge vlan add` to a port, or (null) to the bridge itself. @throws {RangeError} where there are no VLANs, or no such */
  addVlan(port: BridgePort | null, vid: number, options: VlanOptions = {}): void {
    this.vlansOf(port).add(vid, options);
    const dev = port?.dev ?? this;
    if (port !== null || this.config.mac !== undefined)
      this.fdb.addLocal(port?.dev.index ?? 0, dev.macHigh, dev.macLow, vid);
  }

  /** `bridge vlan del`. @throws {RangeError} when it is no member */
  removeVlan(port: BridgePort | null, vid: number): void {
    this.vlansOf(port).remove(vid);
    const dev = port?.dev ?? this;
    this.fdb.removeLocal(port?.dev.index ?? 0, dev.macHigh, dev.macLow, vid);
  }

  private vlansOf(port: BridgePort | null): VlanGroup {
    const group = port === null ? this.vlanGroup : port.vlans;
    if (group === null) throw new RangeError(`${this.name} knows no VLANs: expected vlan_filtering`);
    return group;
  }

  /** br_vlan_init, nbp_vlan_init. */
  private joinDefault(port: BridgePort | null): void {
    const vid = this.config.vlans?.defaultPvid ?? 1;
    if (this.vlanGroup !== null && vid !== 0) this.addVlan(port, vid, { pvid: true, untagged: true });
  }

  /** Take a port away, and what was learned on it: br_del_if. @throws {RangeError} when it is none */
  removePort(dev: Device): void {
    const port = this.byIndex[dev.index];
    if (port === undefined) throw new RangeError(`${dev.name} is not a port of ${this.name}`);
    dev.master = null;
    dev.handler = null;
    this.ports.splice(this.ports.indexOf(port), 1);
    this.byIndex[dev.index] = undefined;
    const { fdb } = this;
    for (let row = 0; row < fdb.end; row++) if (fdb.inUse[row] !== 0 && fdb.port[row] === dev.index) fdb.remove(row);
    // Another port may have the same address: now it is its own.
    for (const other of this.ports) fdb.addLocal(other.dev.index, other.dev.macHigh, other.dev.macLow);
    this.portsChanged();
  }

  /** The lines of `bridge fdb show` about this table. */
  fdbLines(): string[] {
    const { fdb } = this;
    fdb.purge();
    const rows = Array.from(fdb.inUse.subarray(0, fdb.end).keys()).filter((row) => fdb.inUse[row] !== 0);
    return rows.map((row) => this.fdbLine(row));
  }

  private fdbLine(row: number): string {
    const { fdb } = this;
    const flags = fdb.flags[row]!;
    const port = fdb.port[row]!;
    const words = [
      formatStation(fdb.high[row]!, fdb.low[row]!),
      'dev',
      port === 0 ? this.name : this.ns.devices[port]!.name,
    ];
    if (fdb.domain[row] !== 0) words.push('vlan', String(fdb.domain[row]));
    if ((flags & FDB_ADDED_BY_EXT_LEARN) !== 0) words.push('extern_learn');
    if ((flags & FDB_STICKY) !== 0) words.push('sticky');
    words.push('master', this.name);
    if ((flags & FDB_LOCAL) !== 0) words.push('permanent');
    else if ((flags & FDB_STATIC) !== 0) words.push('static');
    return words.join(' ');
  }

  /** The lines of `bridge vlan show` about this bridge: its ports as they came, itself first. */
  vlanLines(): string[] {
    if (this.vlanGroup === null) return [];
    const members = [
      { dev: this as Device, vlans: this.vlanGroup },
      ...this.ports.map(({ dev, vlans }) => ({ dev, vlans: vlans! })),
    ];
    return members
      .sort((a, b) => a.dev.index - b.dev.index)
      .flatMap(({ dev, vlans }) =>
        vlans.list().map((vid, i) => `${(i === 0 ? dev.name : '').padEnd(17)} ${vlans.describe(vid)}`),
      );
  }

  /** The port that a device is, or undefined. */
  portOf(ifindex: number): BridgePort | undefined {
    return this.byIndex[ifindex];
  }

  /** A frame arrives on a port: br_handle_frame. */
  handle(pkt: Packet, dev: Device): boolean {
    const v = pkt.view;
    const eth = pkt.data;
    const port = this.byIndex[dev.index]!;
    const high = ethernet.srcHigh(v, eth);
    const low = ethernet.dstLow(v, eth);
    pkt.l3 = eth + ethernet.HEADER_LEN;
    if ((high & 0x0100) !== 0 || (high === 0 && ethernet.srcLow(v, eth) === 0)) this.ns.drop(pkt, MAC_INVALID_SOURCE);
    else if ((low & ~15) === LINK_LOCAL_LOW && ethernet.dstHigh(v, eth) === LINK_LOCAL_HIGH)
      return this.handleLinkLocal(pkt, port, low & 15);
    else this.preRouting(pkt, port);
    return true;
  }

  /** A frame of the host, or of one that the host's IP layer forwards: br_dev_xmit. */
  transmit(pkt: Packet): void {
    if ((pkt.flags & FLAG_BRIDGED_DNAT) !== 0) {
      brNetfilter(this.ns).resume(pkt, this);
      return;
    }
    if (!this.up) {
      this.ns.drop(pkt, DEV_READY);
      return;
    }
    pkt.l2 = pkt.data;
    pkt.l3 = pkt.data + ethernet.HEADER_LEN;
    const vid = this.filtering ? this.vlanGroup!.ingress(pkt, this.vlanProtocol) : 0;
    if (vid < 0) {
      this.ns.drop(pkt, NOT_SPECIFIED);
      return;
    }
    const v = pkt.view;
    const eth = pkt.l2;
    const answered = this.isArp(pkt) && this.arpProxy.suppressing && this.arpProxy.answer(pkt, null, vid);
    const high = ethernet.dstHigh(v, eth);
    const low = ethernet.dstLow(v, eth);
    if ((high & 0x0100) !== 0) {
      const kind = high === 0xffff && low === -1 ? PKT_BROADCAST : PKT_MULTICAST;
      this.flood(pkt, null, kind, false, answered, vid);
      return;
    }
    const row = this.fdb.find(high, low, vid);
    if (row >= 0) this.forward(pkt, null, this.byIndex[this.fdb.port[row]!], false, vid);
    else this.flood(pkt, null, PKT_UNICAST, false, answered, vid);
  }

  /** Where a frame goes, once the hooks have let it in: br_handle_frame_finish. */
  finish(pkt: Packet, port: BridgePort): void {
    const v = pkt.view;
    const eth = pkt.data;
    const { fdb } = this;
    const vid = this.filtering ? port.vlans!.ingress(pkt, this.vlanProtocol) : 0;
    if (vid < 0) {
      this.ns.drop(pkt, NOT_SPECIFIED);
      return;
    }
    if (port.locked && !this.admits(port, ethernet.srcHigh(v, eth), ethernet.srcLow(v, eth), vid)) {
      this.ns.drop(pkt, NOT_SPECIFIED);
      return;
    }
    // Before the frame is passed on, so that an answer finds its way.
    if (port.learning) fdb.update(port.dev.index, ethernet.srcHigh(v, eth), ethernet.srcLow(v, eth), vid);
    const answered = this.isArp(pkt) && this.arpProxy.active && this.arpProxy.answer(pkt, port, vid);
    const promiscuous = this.config.promiscuous ?? false;
    const high = ethernet.dstHigh(v, eth);
    const low = ethernet.dstLow(v, eth);
    if ((high & 0x0100) !== 0) {
      const kind = high === 0xffff && low === -1 ? PKT_BROADCAST : PKT_MULTICAST;
      this.flood(pkt, port, kind, true, answered, vid);
      this.passUp(pkt, port.dev, promiscuous, vid);
      return;
    }
    const row = fdb.find(high, low, vid);
    if (row >= 0 && (fdb.flags[row]! & FDB_LOCAL) !== 0) {
      this.passUp(pkt, port.dev, false, vid);
      return;
    }
    if (row >= 0) this.forward(pkt, port, this.byIndex[fdb.port[row]!], promiscuous, vid);
    else this.flood(pkt, port, PKT_UNICAST, promiscuous, answered, vid);
    if (promiscuous) this.passUp(pkt, port.dev, true, vid);
  }

  /** A frame leaves by a port, the hooks of forwarding behind it: br_forward_finish. */
  postRouting(pkt: Packet, dev: Device): void {
    const verdict = this.ns.hooksBridge.run(POSTROUTING, pkt, this.ns.noDevice, dev);
    if (verdict === NF_ACCEPT) this.push(pkt, dev);
    else if (verdict === NF_DROP) this.ns.drop(pkt, pkt.reason || NETFILTER_DROP);
  }

  /** Hand a frame to the port's device if it is not too long for it: br_dev_queue_push_xmit, is_skb_forwardable. */
  push(pkt: Packet, dev: Device): void {
    const tagged = vlan.isTag(ethernet.type(pkt.view, pkt.data));
    // A tag is not counted, and there is room for another.
    const length = pkt.length - (tagged ? vlan.HEADER_LEN : 0);
    if (dev.up && length <= dev.mtu + ethernet.HEADER_LEN + vlan.HEADER_LEN) this.ns.transmit(pkt, dev);
    else this.ns.drop(pkt, NOT_SPECIFIED);
  }

  private preRouting(pkt: Packet, port: BridgePort): void {
    if (!this.forwards(port)) {
      this.ns.drop(pkt, BRIDGE_INGRESS_STP_STATE);
      return;
    }
    const v = pkt.view;
    if (ethernet.dstLow(v, pkt.data) === this.macLow && ethernet.dstHigh(v, pkt.data) === this.macHigh)
      pkt.pktType = PACKET_HOST;
    const verdict = this.ns.hooksBridge.run(PREROUTING, pkt, port.dev, this.ns.noDevice);
    if (verdict === NF_ACCEPT) this.finish(pkt, port);
    else if (verdict === NF_DROP) this.ns.drop(pkt, pkt.reason || NETFILTER_DROP);
  }

  /** The reserved groups go no further than the protocols of the port itself, unless the bridge was told otherwise. */
  private handleLinkLocal(pkt: Packet, port: BridgePort, group: number): boolean {
    const mask = (this.config.groupForwardMask ?? 0) | port.groupForwardMask;
    if (group === BRIDGE_GROUP || (group !== MAC_CONTROL && (mask & (1 << group)) !== 0)) this.preRouting(pkt, port);
    else if (group === MAC_CONTROL) this.ns.drop(pkt, MAC_IEEE_MAC_CONTROL);
    else {
      const eth = pkt.data;
      // What is not allowed in is not learned either, lest it claims another's address: br_should_learn.
      const vid = this.filtering ? port.vlans!.ingress(pkt, this.vlanProtocol) : 0;
      if (port.learning && vid >= 0 && this.forwards(port))
        this.fdb.update(port.dev.index, ethernet.srcHigh(pkt.view, eth), ethernet.srcLow(pkt.view, eth), vid);
      return false;
    }
    return true;
  }

  /** BR_STATE_FORWARDING: with no spanning tree a port forwards while it and the bridge are up. */
  private forwards(port: BridgePort): boolean {
    return port.dev.up && this.up;
  }

  private admits(port: BridgePort, high: number, low: number, vid: number): boolean {
    const row = this.fdb.find(high, low, vid);
    return row >= 0 && this.fdb.port[row] === port.dev.index && (this.fdb.flags[row]! & FDB_LOCAL) === 0;
  }

  private isArp(pkt: Packet): boolean {
    const type = ethernet.type(pkt.view, pkt.data);
    const protocol = vlan.isTag(type) ? vlan.type(pkt.view, pkt.l3) : type;
    return protocol === ethernet.ETH_P_ARP || protocol === ETH_P_RARP;
  }

  /** May a frame that came in by `from` (null: the host's) leave by `to`? should_deliver. */
  private delivers(from: BridgePort | null, to: BridgePort, vid: number): boolean {
    if (from === to && !to.hairpin) return false;
    if (vid !== 0 && !to.vlans!.has(vid)) return false;
    if (from?.isolated && to.isolated) return false;
    return this.forwards(to);
  }

  /** To one port: br_forward. With `keep` the caller goes on using `pkt`. */
  private forward(pkt: Packet, from: BridgePort | null, to: BridgePort | undefined, keep: boolean, vid: number): void {
    if (to === undefined || !this.delivers(from, to, vid)) {
      if (!keep) this.ns.drop(pkt, NOT_SPECIFIED);
      return;
    }
    if (this.ns.trace !== null) this.ns.trace.record(this.stage, pkt, TO_PORT, to.dev.index);
    if (keep) this.sendCopy(pkt, from, to, vid);
    else this.send(pkt, from, to, vid);
  }

  /**
   * To every port that wants it: br_flood. Each port but the last gets a copy, so that the last one has the frame itself
   * (and the fragments that it came in). With `keep` the caller goes on using `pkt`.
   */
  private flood(
    pkt: Packet,
    from: BridgePort | null,
    kind: number,
    keep: boolean,
    answered: boolean,
    vid: number,
  ): void {
    if (this.ns.trace !== null) this.ns.trace.record(this.stage, pkt, FLOOD, 0);
    let last: BridgePort | null = null;
    let why = NO_TX_TARGET;
    const { ports } = this;
    for (let i = 0; i < ports.length; i++) {
      const port = ports[i]!;
      if (!port.floods(kind, from === null, answered) || !this.delivers(from, port, vid)) continue;
      if (last !== null && !this.sendCopy(pkt, from, last, vid)) {
        why = NOMEM;
        last = null;
        break;
      }
      last = port;
    }
    if (last === null) {
      if (!keep) this.ns.drop(pkt, why);
    } else if (keep) this.sendCopy(pkt, from, last, vid);
    else this.send(pkt, from, last, vid);
  }

  private sendCopy(pkt: Packet, from: BridgePort | null, to: BridgePort, vid: number): boolean {
    const twin = this.ns.pool.copy(pkt);
    if (twin === null) return false;
    this.send(twin, from, to, vid);
    return true;
  }

  /** __br_forward. */
  private send(pkt: Packet, from: BridgePort | null, to: BridgePort, vid: number): void {
    if (vid !== 0 && !to.vlans!.egress(pkt, vid, this.vlanProtocol)) {
      this.ns.drop(pkt, NOMEM);
      return;
    }
    const hooks = this.ns.hooksBridge;
    const verdict =
      from === null ? hooks.run(OUTPUT, pkt, this.ns.noDevice, to.dev) : hooks.run(FORWARD, pkt, from.dev, to.dev);
    if (verdict === NF_ACCEPT) this.postRouting(pkt, to.dev);
    else if (verdict === NF_DROP) this.ns.drop(pkt, pkt.reason || NETFILTER_DROP);
  }

  /** The host takes a frame, as one that arrived on the bridge device: br_pass_frame_up. */
  private passUp(pkt: Packet, from: Device, promiscuous: boolean, vid: number): void {
    if (vid !== 0 && !this.admitsUp(pkt, vid)) {
      this.ns.drop(pkt, NOT_SPECIFIED);
      return;
    }
    if (this.ns.trace !== null) this.ns.trace.record(this.stage, pkt, UP, 0);
    // A copy for the curious does not count as a packet of the connection.
    if (promiscuous) {
      pkt.ct = -1;
      pkt.ctInfo = 0;
    }
    const verdict = this.ns.hooksBridge.run(INPUT, pkt, from, this.ns.noDevice);
    if (verdict === NF_ACCEPT) receive(this.ns, pkt, this);
    else if (verdict === NF_DROP) this.ns.drop(pkt, pkt.reason || NETFILTER_DROP);
  }

  /** The host is a port like any other, unless it is curious. */
  private admitsUp(pkt: Packet, vid: number): boolean {
    const group = this.vlanGroup!;
    if (group.has(vid)) return group.egress(pkt, vid, this.vlanProtocol);
    return this.config.promiscuous ?? false;
  }

  /** The bridge takes the lowest address and the smallest MTU of its ports, unless it was given its own. */
  private portsChanged(): void {
    const devices = this.ports.map(({ dev }) => dev);
    if (this.config.mac === undefined)
      this.setMac(devices.map(({ mac }) => mac).sort(compareMacs)[0] ?? new Uint8Array(6));
    if (this.config.mtu === undefined)
      this.mtu = devices.length === 0 ? ETH_DATA_LEN : Math.min(...devices.map(({ mtu }) => mtu));
    this.neededHeadroom = Math.max(0, ...devices.map((dev) => dev.neededHeadroom));
    this.rxHeadroom = this.neededHeadroom;
    this.arpProxy.portsChanged();
  }

  private describe(action: number, ifindex: number): { bridge: string; action: string; port?: string } {
    const fields = { bridge: this.name, action: ACTIONS[action]! };
    return action === TO_PORT ? { ...fields, port: this.ns.devices[ifindex]!.name } : fields;
  }
}

/** eth_hw_addr_random: locally administered, unicast. */
function randomMac(ns: Netns): Uint8Array {
  const mac = Uint8Array.from({ length: 6 }, () => ns.random.below(256));
  mac[0] = (mac[0]! & 0xfe) | 2;
  return mac;
}

function compareMacs(a: Uint8Array, b: Uint8Array): number {
  const i = a.findIndex((byte, at) => byte !== b[at]);
  return i < 0 ? 0 : a[i]! - b[i]!;
}
