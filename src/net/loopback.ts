/** The device `lo`: what is sent on it comes in by it, with mark, connection and route. drivers/net/loopback.c. @module */
import { FLAG_KERNEL_SOCKET, FLAG_SOCKET, FLAG_SOCKLESS, type Packet } from '../packet/packet.ts';
import { Device } from './device.ts';
import type { Netns } from './netns.ts';
import { ethTypeTrans } from './receive.ts';

const LOOPBACK_MTU = 65_536;

/** The device `lo`. */
export class Loopback extends Device {
  override readonly loopback: boolean = true;

  constructor(ns: Netns) {
    super(ns, { name: 'lo', mac: new Uint8Array(6), mtu: LOOPBACK_MTU });
  }

  override transmit(pkt: Packet): void {
    pkt.flags &= ~(FLAG_SOCKET | FLAG_KERNEL_SOCKET | FLAG_SOCKLESS);
    ethTypeTrans(pkt, this);
    this.ns.world.backlog.push(this, pkt);
  }
}
