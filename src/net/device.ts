/** A network device: include/linux/netdevice.h as far as frames are concerned. @module */
import type { Packet } from '../packet/packet.ts';
import type { Netns } from './netns.ts';

/** Takes frames that arrive on a device instead of the protocols: a bridge for its ports (rx_handler). */
export interface FrameHandler {
  /** `pkt.data` is at the Ethernet header. The handler owns the packet. */
  handle(pkt: Packet, dev: Device): void;
}

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
  readonly mac: Uint8Array;
  readonly macHigh: number;
  readonly macLow: number;
  readonly mtu: number;
  up = true;
  /** No link layer on it: no ARP, no Ethernet addresses compared (lo). */
  readonly loopback: boolean = false;
  handler: FrameHandler | null = null;
  /** The bridge that it is a port of (`physdev`, `-i br0`), or null. */
  master: Device | null = null;

  constructor(ns: Netns, config: DeviceConfig) {
    this.ns = ns;
    this.name = config.name;
    this.mac = config.mac;
    this.macHigh = (config.mac[0]! << 8) | config.mac[1]!;
    this.macLow = (config.mac[2]! << 24) | (config.mac[3]! << 16) | (config.mac[4]! << 8) | config.mac[5]!;
    this.mtu = config.mtu;
    this.index = ns.addDevice(this);
  }

  /** Send a frame: `pkt.data` is at the Ethernet header. The device owns the packet. */
  abstract transmit(pkt: Packet): void;
}
