/** A device that loses what it is given; it is there for its addresses. drivers/net/dummy.c. @module */
import type { Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { Device } from './device.ts';

const CONSUMED = reason('CONSUMED');

/** A device that loses what it is given. */
export class DummyDevice extends Device {
  override noArp = true;

  override transmit(pkt: Packet): void {
    this.ns.drop(pkt, CONSUMED);
  }
}
