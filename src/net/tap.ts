/** A tap device that no process has open (`ip tuntap add mode tap`): it holds its place, and loses what it is given. drivers/net/tun.c. @module */
import type { Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { Device } from './device.ts';

const DEV_READY = reason('DEV_READY');

/** A tap that no program holds. */
export class Tap extends Device {
  override transmit(pkt: Packet): void {
    this.ns.drop(pkt, DEV_READY);
  }
}
