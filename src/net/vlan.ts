/**
 * VLAN devices: the frames of one VLAN of another device, without their tag. net/8021q/vlan_core.c and vlan_dev.c, with tags in
 * the frame itself as where hardware does not take them. `reorder_hdr off` would show them to packet sockets alone. @module
 */
import * as ethernet from '../packet/ethernet.ts';
import { PACKET_HOST, PACKET_OTHERHOST, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as tag from '../packet/vlan.ts';
import type { Device, DeviceConfig, TagHandler } from './device.ts';
import type { Netns } from './netns.ts';
import { crossNamespaces, isFor, UpperDevice } from './upper-device.ts';

const NOMEM = reason('NOMEM');

/** What `ip link add type vlan` says. */
export interface VlanConfig extends DeviceConfig {
  /** 0..4094. */
  readonly id: number;
  /** The ethertype of its tag: 0x8100 (the default), or 0x88a8 of 802.1ad. */
  readonly protocol?: number;
}

/** A frame's tag as one number: ethertype and id. */
const key = (protocol: number, id: number): number => (protocol << 12) | id;

/** The VLAN devices of one device, struct vlan_info. */
class VlanGroup implements TagHandler {
  readonly devices: Map<number, Vlan> = new Map();

  /** vlan_do_receive. A VLAN device may have an address of its own. */
  claim(pkt: Packet): Device | null {
    const { view, data } = pkt;
    const protocol = ethernet.type(view, data);
    if (!tag.isTag(protocol)) return null;
    const vlan = this.devices.get(key(protocol, tag.id(view, data + ethernet.HEADER_LEN)));
    if (vlan === undefined) return null;
    if (vlan.ns !== vlan.lower.ns) crossNamespaces(pkt);
    if (pkt.pktType === PACKET_OTHERHOST && isFor(pkt, vlan)) pkt.pktType = PACKET_HOST;
    pkt.priority = 0;
    tag.untag(pkt);
    return vlan;
  }
}

/** One VLAN of a lower device. */
export class Vlan extends UpperDevice {
  readonly id: number;
  readonly protocol: number;

  /** `ip link add link LOWER name NAME type vlan id ID`. @throws {RangeError} for what the kernel refuses */
  constructor(ns: Netns, config: VlanConfig, lower: Device) {
    const { id, protocol = ethernet.ETH_P_8021Q } = config;
    if (id >= tag.ID_MASK) throw new RangeError(`VLAN ${id}: expected 0 to ${tag.ID_MASK - 1}`);
    const group = lower.vlans instanceof VlanGroup ? lower.vlans : new VlanGroup();
    if (group.devices.has(key(protocol, id))) throw new RangeError(`${lower.name} has a device for VLAN ${id} already`);
    super(ns, config, lower);
    this.id = id;
    this.protocol = protocol;
    this.neededHeadroom = lower.neededHeadroom + tag.HEADER_LEN;
    group.devices.set(key(protocol, id), this);
    lower.vlans = group;
  }

  /** vlan_dev_hard_start_xmit. */
  override transmit(pkt: Packet): void {
    if (tag.insert(pkt, this.protocol, this.id)) this.sendBelow(pkt);
    else this.ns.drop(pkt, NOMEM);
  }
}
