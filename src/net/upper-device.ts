/** A device on top of another one, which may be in another namespace (IFLA_LINK): VLANs, macvlan, ipvlan. @module */
import * as ethernet from '../packet/ethernet.ts';
import type { Packet } from '../packet/packet.ts';
import { Device, type DeviceConfig } from './device.ts';
import type { Netns } from './netns.ts';
import { dropRoute } from './route.ts';

/** What VLANs, macvlans and ipvlans have in common. */
export abstract class UpperDevice extends Device {
  readonly lower: Device;

  /** @throws {RangeError} when the lower device takes none, or its packets are shorter */
  constructor(ns: Netns, config: DeviceConfig, lower: Device) {
    if (lower.loopback) throw new RangeError(`${lower.name} takes no device on top`);
    if (config.mtu > lower.mtu)
      throw new RangeError(`MTU ${config.mtu} is more than the ${lower.mtu} of ${lower.name}`);
    super(ns, config);
    this.lower = lower;
    this.neededHeadroom = lower.neededHeadroom;
  }

  /** dev_queue_xmit on the lower device. */
  protected sendBelow(pkt: Packet): void {
    const { lower } = this;
    if (lower.ns !== this.ns) crossNamespaces(pkt);
    lower.ns.transmit(pkt, lower);
  }
}

/** What numbers of a namespace say (connection, devices, route) means nothing in another. Runs per packet. */
export function crossNamespaces(pkt: Packet): void {
  pkt.ct = -1;
  pkt.ctInfo = 0;
  pkt.iif = 0;
  pkt.physIn = pkt.physOut = 0;
  dropRoute(pkt);
}

/** Is a frame addressed to a device? Runs per packet. */
export const isFor = ({ view, data }: Packet, dev: Device): boolean =>
  ethernet.dstHigh(view, data) === dev.macHigh && ethernet.dstLow(view, data) === dev.macLow;
