/** A device that swallows what it is sent: drivers/net/dummy.c. @module */
import type { Packet } from '../packet/packet.ts';
import { Device } from './device.ts';

export class DummyDevice extends Device {
  override transmit(pkt: Packet): void {
    this.ns.pool.release(pkt);
  }
}
