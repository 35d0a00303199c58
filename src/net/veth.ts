/** A cable between two devices, mostly of two namespaces. drivers/net/veth.c. @module */
import type { Packet } from '../packet/packet.ts';
import { Device, type DeviceConfig } from './device.ts';
import type { Netns } from './netns.ts';
import { forwardFrame } from './receive.ts';

/** One end of a pair. */
export class Veth extends Device {
  private peer: Veth | null = null;

  /** Only {@link vethPair} makes them. */
  static connect(a: Veth, b: Veth): void {
    a.peer = b;
    b.peer = a;
  }

  override transmit(pkt: Packet): void {
    if (this.peer === null) this.ns.drop(pkt, 0);
    else forwardFrame(pkt, this.ns, this.peer);
  }
}

/** `ip link add A type veth peer name B`: both ends, the first one made first. */
export function vethPair(
  ns: Netns,
  config: DeviceConfig,
  peerNs: Netns,
  peerConfig: DeviceConfig,
): readonly [Veth, Veth] {
  const pair = [new Veth(ns, config), new Veth(peerNs, peerConfig)] as const;
  Veth.connect(...pair);
  return pair;
}
