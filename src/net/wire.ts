/**
 * A device whose other end is the outside world: a veth (drivers/net/veth.c) with nobody's stack behind it. The outer end
 * takes every frame; the inner one refuses frames that are too long. @module
 */
import type { Packet } from '../packet/packet.ts';
import { Device } from './device.ts';
import { ENOBUFS } from './errno.ts';
import { ethTypeTrans, isForwardable } from './receive.ts';

/** A device whose other end is the outside world. */
export class PortDevice extends Device {
  /** Told of every frame that goes out; the packet is lent until the call returns. */
  onFrame: ((pkt: Packet) => void) | null = null;

  override transmit(pkt: Packet): void {
    this.onFrame?.(pkt);
    this.ns.pool.release(pkt);
  }

  /** A frame from outside. @returns 0, or -ENOBUFS for one that the device refuses (it is dropped) */
  receive(pkt: Packet): number {
    if (!isForwardable(pkt, this)) {
      this.ns.drop(pkt, 0);
      return -ENOBUFS;
    }
    pkt.scrub();
    ethTypeTrans(pkt, this);
    this.ns.world.backlog.push(this, pkt);
    return 0;
  }
}
