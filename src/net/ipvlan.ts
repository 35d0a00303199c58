/**
 * Devices that share the MAC address of their lower device and are told apart by IP addresses: drivers/net/ipvlan/. In mode l2 the
 * other hosts' ARP reaches them; in l3 the lower device's namespace routes what they send; l3s lets what comes in pass that
 * namespace's hooks as well (ipvlan_l3s.c). @module
 */
import * as arp from '../packet/arp.ts';
import * as ethernet from '../packet/ethernet.ts';
import * as ipv4 from '../packet/ipv4.ts';
import { PACKET_LOOPBACK, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import type { Device, DeviceConfig, FrameHandler } from './device.ts';
import { GroupWork, wantsGroup } from './group-work.ts';
import { INPUT, NF_ACCEPT, NF_STOLEN, PREROUTING, type Verdict } from './hook.ts';
import type { Netns } from './netns.ts';
import { forwardFrame, receive } from './receive.ts';
import { dropRoute, RTCF_LOCAL } from './route.ts';
import { RTN_LOCAL, RTN_UNICAST } from './rtn.ts';
import { crossNamespaces, UpperDevice } from './upper-device.ts';

/** Who routes what it sends: its own namespace (l2), or that of the lower device (l3, l3s). */
export type IpVlanMode = 'l2' | 'l3' | 'l3s';
/** Whether the devices of one lower device reach each other: here, not at all, or by the switch outside. */
export type IpVlanFlag = 'bridge' | 'private' | 'vepa';

/** What `ip link add type ipvlan` says. */
export interface IpVlanConfig extends Omit<DeviceConfig, 'mac'> {
  /** Default l2, as CNI has it. That of the newest device holds for all of one lower device. */
  readonly mode?: IpVlanMode;
  /** Whether they see each other; default bridge. */
  readonly flag?: IpVlanFlag;
}

const CONSUMED = reason('CONSUMED');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const UNHANDLED_PROTO = reason('UNHANDLED_PROTO');
const NF_IP_PRI_LAST = 2 ** 31 - 1;

/** What the ipvlan devices of one lower device share: struct ipvl_port. */
class IpVlanPort implements FrameHandler {
  readonly lower: Device;
  /** Oldest first. */
  readonly devices: IpVlan[] = [];
  readonly owners: Map<number, IpVlan> = new Map();
  mode: IpVlanMode = 'l2';
  flag: IpVlanFlag = 'bridge';
  private hooked = false;

  constructor(lower: Device) {
    if (lower.handler !== null) throw new RangeError(`${lower.name} is in use already: Device or resource busy`);
    this.lower = lower;
    lower.handler = this;
  }

  /** ipvlan_set_port_mode. */
  setMode(mode: IpVlanMode, flag: IpVlanFlag): void {
    this.mode = mode;
    this.flag = flag;
    for (const device of this.devices) device.noArp = mode !== 'l2';
    if (mode === 'l3s' && !this.hooked) this.hook();
  }

  /** The device that a frame at `pkt.data` is for by its IPv4 header or ARP target (or from), or null. ipvlan_addr_lookup. */
  find(pkt: Packet, from: boolean): IpVlan | null {
    const { view, data, end } = pkt;
    const at = data + ethernet.HEADER_LEN;
    switch (ethernet.type(view, data)) {
      case ethernet.ETH_P_IP:
        if (!isWhole(view, at, end)) return null;
        return this.ownerOf(from ? ipv4.src(view, at) : ipv4.dst(view, at));
      case ethernet.ETH_P_ARP:
        if (end - at < arp.HEADER_LEN) return null;
        return this.ownerOf(from ? arp.senderIp(view, at) : arp.targetIp(view, at));
      default:
        return null;
    }
  }

  private ownerOf(address: number): IpVlan | null {
    const owner = this.owners.get(address);
    return owner?.up ? owner : null;
  }

  /** ipvlan_handle_frame. */
  handle(pkt: Packet): boolean {
    if (this.mode === 'l3s') return false;
    if (this.mode === 'l2') {
      if (pkt.pktType === PACKET_LOOPBACK) return false;
      if (ethernet.isMulticast(pkt.view, pkt.data)) {
        if (this.isForeign(pkt)) this.queueCopy(pkt);
        return false;
      }
    }
    const to = this.find(pkt, false);
    if (to === null) return false;
    if (to.ns !== this.lower.ns) crossNamespaces(pkt);
    receive(to.ns, pkt, to);
    return true;
  }

  /** ipvlan_external_frame: not one that a device here has sent, and that came back. */
  private isForeign(pkt: Packet): boolean {
    const { view, data } = pkt;
    const { lower } = this;
    const own = ethernet.srcHigh(view, data) === lower.macHigh && ethernet.srcLow(view, data) === lower.macLow;
    return !own || this.find(pkt, true) === null;
  }

  /** ipvlan_multicast_enqueue, of what came from outside. */
  private queueCopy(pkt: Packet): void {
    const { ns } = this.lower;
    const twin = ns.pool.copy(pkt);
    if (twin === null) return;
    ns.world.backlog.defer(new GroupWork(twin, null, this.targets(pkt, null), (done) => ns.pool.release(done)));
  }

  /** Who hears of a group frame: all but its sender. */
  targets(pkt: Packet, sender: IpVlan | null): IpVlan[] {
    return this.devices.filter((to) => to !== sender && wantsGroup(pkt, to));
  }

  /** Between PREROUTING and INPUT the lower device's namespace owns the packet, but routing asks the namespace that it is for. */
  private hook(): void {
    this.hooked = true;
    const { hooks4 } = this.lower.ns;
    hooks4.register(PREROUTING, { priority: NF_IP_PRI_LAST, run: (pkt, _hook, iif) => this.route(pkt, iif) });
    hooks4.register(INPUT, { priority: NF_IP_PRI_LAST, run: (pkt, _hook, iif) => this.deliver(pkt, iif) });
  }

  /** ipvlan_l3_rcv. */
  private route(pkt: Packet, iif: Device): Verdict {
    const to = this.ownerOfDatagram(pkt, iif);
    if (to === null) return NF_ACCEPT;
    if (to.ns.ip.routeInput(pkt, to) !== 0 || (pkt.routeFlags & RTCF_LOCAL) === 0) dropRoute(pkt);
    else pkt.oif = this.lower.ns.loopback.index;
    return NF_ACCEPT;
  }

  /** ipvlan_nf_input, and ip_local_deliver_finish of the other namespace. */
  private deliver(pkt: Packet, iif: Device): Verdict {
    const to = this.ownerOfDatagram(pkt, iif);
    if (to === null) return NF_ACCEPT;
    if (to.ns !== iif.ns) {
      pkt.ct = -1;
      pkt.ctInfo = 0;
      pkt.oif = to.ns.loopback.index;
    }
    pkt.iif = to.index;
    to.ns.ip.deliver(pkt, to);
    return NF_STOLEN;
  }

  private ownerOfDatagram(pkt: Packet, iif: Device): IpVlan | null {
    return iif === this.lower && this.mode === 'l3s' ? this.ownerOf(ipv4.dst(pkt.view, pkt.l3)) : null;
  }
}

/** ipvlan_get_L3_hdr. */
function isWhole(view: DataView, at: number, end: number): boolean {
  if (end - at < ipv4.HEADER_LEN || view.getUint8(at) >>> 4 !== 4) return false;
  const header = ipv4.headerLength(view, at);
  const total = ipv4.totalLength(view, at);
  return header >= ipv4.HEADER_LEN && end - at >= total && total >= header;
}

/** A device with addresses of its own on a lower one. */
export class IpVlan extends UpperDevice {
  private readonly port: IpVlanPort;

  /** `ip link add link LOWER name NAME type ipvlan mode MODE`. @throws {RangeError} for what the kernel refuses */
  constructor(ns: Netns, config: IpVlanConfig, on: Device) {
    const lower = on instanceof IpVlan ? on.lower : on;
    const port = lower.handler instanceof IpVlanPort ? lower.handler : new IpVlanPort(lower);
    super(ns, { ...config, mac: lower.mac }, lower);
    this.port = port;
    port.devices.push(this);
    port.setMode(config.mode ?? 'l2', config.flag ?? 'bridge');
  }

  /** ipvlan_addr4_event. @throws {RangeError} when another device of the same lower one has the address */
  override addressChanged(address: number, present: boolean): void {
    const { owners } = this.port;
    const owner = owners.get(address);
    if (present) {
      if (owner !== undefined && owner !== this) throw new RangeError(`${owner.name} has the address already`);
      owners.set(address, this);
    } else if (owner === this) owners.delete(address);
  }

  /** ipvlan_queue_xmit. */
  override transmit(pkt: Packet): void {
    if (this.port.mode === 'l2') this.transmitL2(pkt);
    else if (!this.toSibling(pkt)) this.routeBelow(pkt);
  }

  /** ipvlan_xmit_mode_l2. */
  private transmitL2(pkt: Packet): void {
    const { port } = this;
    const { view, data } = pkt;
    if (port.flag !== 'vepa' && isToItself(view, data)) {
      if (!this.toSibling(pkt)) forwardFrame(pkt, this.ns, this.lower);
      return;
    }
    if (!ethernet.isMulticast(view, data)) {
      this.sendBelow(pkt);
      return;
    }
    // The others hear of it first, and may answer before it leaves.
    crossNamespaces(pkt);
    const work = new GroupWork(pkt, this, port.targets(pkt, this), (done) => this.sendBelow(done));
    this.ns.world.backlog.defer(work);
  }

  /** Straight to the device that has the destination's address. @returns false when none has */
  private toSibling(pkt: Packet): boolean {
    const { port } = this;
    const to = port.flag === 'vepa' ? null : port.find(pkt, false);
    if (to === null) return false;
    if (port.flag === 'private') this.ns.drop(pkt, CONSUMED);
    else forwardFrame(pkt, this.ns, to);
    return true;
  }

  /** The lower device's namespace sends the packet as its own: ipvlan_process_outbound. */
  private routeBelow(pkt: Packet): void {
    const { ns } = this.lower;
    const { view, data } = pkt;
    const type = ethernet.type(view, data);
    if (ethernet.isMulticast(view, data) || type !== ethernet.ETH_P_IP) {
      ns.drop(pkt, type === ethernet.ETH_P_IP ? NOT_SPECIFIED : UNHANDLED_PROTO);
      return;
    }
    const { mark } = pkt;
    pkt.data += ethernet.HEADER_LEN;
    pkt.scrub();
    if (ns === this.ns) pkt.mark = mark;
    pkt.l3 = pkt.data;
    pkt.l4 = pkt.l3 + ipv4.headerLength(view, pkt.l3);
    pkt.protocol = ethernet.ETH_P_IP;
    if (ns.ip.routeForeign(pkt, this.lower) && (pkt.routeType === RTN_UNICAST || pkt.routeType === RTN_LOCAL))
      ns.ip.output(pkt);
    else ns.drop(pkt, NOT_SPECIFIED);
  }
}

const isToItself = (view: DataView, at: number): boolean =>
  ethernet.dstHigh(view, at) === ethernet.srcHigh(view, at) && ethernet.dstLow(view, at) === ethernet.srcLow(view, at);
