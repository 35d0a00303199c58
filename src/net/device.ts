/** A network device: include/linux/netdevice.h as far as frames are concerned. @module */
import type { Packet } from '../packet/packet.ts';
import type { Netns } from './netns.ts';

const NO_MAC = new Uint8Array(6);

/** Takes frames that arrive on a device instead of the protocols: a bridge for its ports (rx_handler). */
export interface FrameHandler {
  /**
   * `pkt.data` is at the Ethernet header. The handler owns the packet, unless it says false: then the protocols of the
   * device itself go on with it (RX_HANDLER_PASS).
   */
  handle(pkt: Packet, dev: Device): boolean;
}

/** The VLAN devices on a device: vlan_info. */
export interface TagHandler {
  /** The device that a tagged frame at `pkt.data` is for, the tag taken off; null when there is none. */
  claim(pkt: Packet): Device | null;
}

/** What every device is made from. */
export interface DeviceConfig {
  readonly name: string;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** Bytes of network-layer packet. */
  readonly mtu: number;
}

/** `kind` of IP addresses that a device has is in the namespace's address list, not here. */
export abstract class Device {
  readonly ns: Netns;
  readonly name: string;
  /** ifindex, 1 for lo; 0 only for NO_DEVICE. */
  readonly index: number;
  /** The MAC as bytes, and as the two integers that ethernet.ts compares. */
  mac: Uint8Array = NO_MAC;
  macHigh = 0;
  macLow = 0;
  /** Bytes of network-layer packet. */
  mtu: number;
  up = true;
  /** No link layer on it: no ARP, no Ethernet addresses compared (lo). */
  readonly loopback: boolean = false;
  /** IFF_NOARP: neighbours are not asked for, frames go to the device's own address. */
  noArp = false;
  /** Bytes that it puts in front of a frame (needed_headroom): a tunnel's outer headers. */
  neededHeadroom = 0;
  /** Bytes in front of what arrives on it, beyond what any frame has (netdev_set_rx_headroom): a bridge with a tunnel asks for them. */
  rxHeadroom = 0;
  handler: FrameHandler | null = null;
  vlans: TagHandler | null = null;
  /** The bridge that it is a port of (`physdev`, `-i br0`), or null. */
  master: Device | null = null;

  constructor(ns: Netns, config: DeviceConfig) {
    this.ns = ns;
    this.name = config.name;
    this.setMac(config.mac);
    this.mtu = config.mtu;
    this.index = ns.addDevice(this);
    ns.registerDevice(this);
  }

  /** Change the address: dev_set_mac_address. A bridge takes that of its lowest port. */
  setMac(mac: Uint8Array): void {
    this.mac = mac;
    this.macHigh = (mac[0]! << 8) | mac[1]!;
    this.macLow = (mac[2]! << 24) | (mac[3]! << 16) | (mac[4]! << 8) | mac[5]!;
  }

  /** An IPv4 address (int32) came to the device, or left it: inetaddr_chain. */
  addressChanged(_address: number, _present: boolean): void {}

  /** Send a frame: `pkt.data` is at the Ethernet header. The device owns the packet. */
  abstract transmit(pkt: Packet): void;
}

/** Where a packet is on no device: index 0 and no name. One per namespace, `ns.noDevice`. */
export class NullDevice extends Device {
  constructor(ns: Netns) {
    super(ns, { name: '', mac: NO_MAC, mtu: 0 });
    this.up = false;
  }

  override transmit(pkt: Packet): void {
    this.ns.drop(pkt, 0);
  }
}
