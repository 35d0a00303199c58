/**
 * Frames to a group, for the devices on top of one: handed out one after another once what is under way is done, as macvlan and
 * ipvlan have a workqueue do it (macvlan_process_broadcast, ipvlan_process_multicast). @module
 */
import * as ethernet from '../packet/ethernet.ts';
import type { Packet } from '../packet/packet.ts';
import type { Work } from './backlog.ts';
import type { Device } from './device.ts';
import { ethTypeTrans, forwardFrame } from './receive.ts';
import { crossNamespaces, type UpperDevice } from './upper-device.ts';

/** 224.0.0.1, which ip_mc_up joins, as a MAC address. */
const ALL_HOSTS_HIGH = 0x0100;
const ALL_HOSTS_LOW = 0x5e000001;
/** Groups of IPv6. */
const IPV6_HIGH = 0x3333;

/** Does a device take a group's frames: broadcast, all hosts, and with IPv6 its groups (IPv6 itself knows which)? Runs per packet. */
export function wantsGroup({ view, data }: Packet, dev: Device): boolean {
  if (!dev.up) return false;
  const high = ethernet.dstHigh(view, data);
  const low = ethernet.dstLow(view, data);
  if (high === 0xffff && low === -1) return true;
  if (high === ALL_HOSTS_HIGH && low === ALL_HOSTS_LOW) return true;
  return high === IPV6_HIGH && dev.ns.ipv6 !== null;
}

/** A copy of a frame that came from outside arrives on one of the upper devices. */
function deliverCopy(pkt: Packet, to: UpperDevice): void {
  const { ns } = to.lower;
  const twin = ns.pool.copy(pkt);
  if (twin === null) return;
  if (to.ns !== ns) crossNamespaces(twin);
  ethTypeTrans(twin, to);
  ns.world.backlog.push(to, twin);
}

/** A copy of a frame that a sibling sent arrives on one of the upper devices. */
export function forwardCopy(pkt: Packet, from: UpperDevice, to: UpperDevice): void {
  const twin = from.ns.pool.copy(pkt);
  if (twin !== null) forwardFrame(twin, from.ns, to);
}

/** One frame to several devices; in the end to the outside, if one of them sent it. */
export class GroupWork implements Work {
  private readonly pkt: Packet;
  private readonly sender: UpperDevice | null;
  private readonly targets: readonly UpperDevice[];
  private readonly finish: (pkt: Packet) => void;
  private next = 0;

  /** @param pkt owned by the work; @param finish takes it in the end */
  constructor(pkt: Packet, sender: UpperDevice | null, targets: readonly UpperDevice[], finish: (pkt: Packet) => void) {
    this.pkt = pkt;
    this.sender = sender;
    this.targets = targets;
    this.finish = finish;
  }

  run(): boolean {
    const to = this.targets[this.next++];
    if (to === undefined) {
      this.finish(this.pkt);
      return true;
    }
    if (this.sender === null) deliverCopy(this.pkt, to);
    else forwardCopy(this.pkt, this.sender, to);
    return false;
  }
}
