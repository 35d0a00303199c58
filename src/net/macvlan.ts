/**
 * Devices with MAC addresses of their own on one lower device: drivers/net/macvlan.c. Frames between them never leave the host
 * in bridge mode; the lower device itself cannot be reached from them. @module
 */
import * as ethernet from '../packet/ethernet.ts';
import { PACKET_HOST, PACKET_LOOPBACK, type Packet } from '../packet/packet.ts';
import type { Device, DeviceConfig, FrameHandler } from './device.ts';
import { forwardCopy, GroupWork, wantsGroup } from './group-work.ts';
import type { Netns } from './netns.ts';
import { ethTypeTrans, forwardFrame, receive } from './receive.ts';
import { crossNamespaces, isFor, UpperDevice } from './upper-device.ts';

/** Who hears whom among the devices of one lower device. */
export type MacvlanMode = 'private' | 'vepa' | 'bridge' | 'passthru' | 'source';

/** MACVLAN_MODE_*. */
const PRIVATE = 1;
const VEPA = 2;
const BRIDGE = 4;
const PASSTHRU = 8;
const SOURCE = 16;
const ANY: number = PRIVATE | VEPA | BRIDGE | PASSTHRU;
const MODES = { private: PRIVATE, vepa: VEPA, bridge: BRIDGE, passthru: PASSTHRU, source: SOURCE } as const;

const ETH_P_PAUSE = 0x8808;

/** What `ip link add type macvlan` says. */
export interface MacvlanConfig extends DeviceConfig {
  /** Default bridge, as CNI has it. */
  readonly mode?: MacvlanMode;
  /** Whose frames a device in source mode takes: MAC addresses of 6 bytes. */
  readonly sources?: readonly Uint8Array[];
}

const isGroup = ({ view, data }: Packet): boolean => ethernet.isMulticast(view, data);

/** What the macvlan devices of one lower device share: struct macvlan_port. */
class MacvlanPort implements FrameHandler {
  readonly lower: Device;
  /** In the order in which a broadcast reaches them. */
  readonly devices: Macvlan[] = [];
  /** By the last four bytes of the address. */
  private readonly byAddress = new Map<number, Macvlan[]>();

  constructor(lower: Device) {
    if (lower.handler !== null) throw new RangeError(`${lower.name} is in use already: Device or resource busy`);
    this.lower = lower;
    lower.handler = this;
  }

  get passthru(): boolean {
    return this.devices[0]?.mode === PASSTHRU;
  }

  add(device: Macvlan): void {
    this.devices.unshift(device);
    this.devices.sort((a, b) => bucket(a.mac) - bucket(b.mac));
    const list = this.byAddress.get(device.macLow) ?? [];
    list.unshift(device);
    this.byAddress.set(device.macLow, list);
  }

  /** macvlan_hash_lookup: the device that has an address and is up, or null. Runs per packet. */
  find(high: number, low: number): Macvlan | null {
    const list = this.byAddress.get(low);
    if (list === undefined) return null;
    for (let i = 0; i < list.length; i++) if (list[i]!.macHigh === high && list[i]!.up) return list[i]!;
    return null;
  }

  /** macvlan_handle_frame. */
  handle(pkt: Packet): boolean {
    if (pkt.pktType === PACKET_LOOPBACK) return false;
    const { view, data } = pkt;
    if (isGroup(pkt)) return this.handleGroup(pkt);
    this.copyToSources(pkt);
    const to = this.passthru ? this.devices[0]! : this.find(ethernet.dstHigh(view, data), ethernet.dstLow(view, data));
    if (to === null || to.mode === SOURCE) return false;
    if (to.ns !== this.lower.ns) crossNamespaces(pkt);
    pkt.pktType = PACKET_HOST;
    receive(to.ns, pkt, to);
    return true;
  }

  /** The lower device takes it as well; a frame that one of its own sent and that came back goes to fewer. */
  private handleGroup(pkt: Packet): boolean {
    const { view, data } = pkt;
    this.copyToSources(pkt);
    const source = this.find(ethernet.srcHigh(view, data), ethernet.srcLow(view, data));
    if (source !== null && (source.mode & (VEPA | BRIDGE)) === 0) {
      if (source.ns !== this.lower.ns) crossNamespaces(pkt);
      ethTypeTrans(pkt, source);
      this.lower.ns.world.backlog.push(source, pkt);
      return true;
    }
    this.queue(pkt, source);
    return false;
  }

  /** macvlan_broadcast_enqueue, macvlan_process_broadcast. */
  private queue(pkt: Packet, source: Macvlan | null): void {
    const { ns } = this.lower;
    // Those in bridge mode saw it on its way out.
    const modes = source === null ? ANY : source.mode === VEPA ? VEPA | BRIDGE : VEPA;
    const targets = this.devices.filter((to) => to !== source && this.reaches(pkt, to, modes));
    const twin = targets.length === 0 ? null : ns.pool.copy(pkt);
    if (twin !== null) ns.world.backlog.defer(new GroupWork(twin, null, targets, (done) => ns.pool.release(done)));
  }

  /** Copies to those in bridge mode, of what one of them sends: macvlan_broadcast. */
  broadcast(pkt: Packet, sender: Macvlan): void {
    for (let i = 0; i < this.devices.length; i++) {
      const to = this.devices[i]!;
      if (to !== sender && this.reaches(pkt, to, BRIDGE)) forwardCopy(pkt, sender, to);
    }
  }

  private reaches(pkt: Packet, to: Macvlan, modes: number): boolean {
    return (to.mode & modes) !== 0 && ethernet.type(pkt.view, pkt.data) !== ETH_P_PAUSE && wantsGroup(pkt, to);
  }

  /** macvlan_forward_source: devices in source mode take what their stations send, whomever it is for. */
  private copyToSources(pkt: Packet): void {
    for (let i = 0; i < this.devices.length; i++) {
      const to = this.devices[i]!;
      if (to.mode === SOURCE && to.up && to.takesFrom(pkt)) this.copyToSource(pkt, to);
    }
  }

  /** What is the lower device's own passes for one's own. */
  private copyToSource(pkt: Packet, to: Macvlan): void {
    const { ns } = this.lower;
    const twin = ns.pool.copy(pkt);
    if (twin === null) return;
    if (to.ns !== ns) crossNamespaces(twin);
    if (isFor(twin, to)) twin.pktType = PACKET_HOST;
    ns.world.backlog.push(to, twin);
  }
}

/** A device with a MAC address of its own on a lower one. */
export class Macvlan extends UpperDevice {
  /** One bit: MACVLAN_MODE_*. */
  readonly mode: number;
  private readonly port: MacvlanPort;
  private readonly sources: readonly Uint8Array[];

  /** `ip link add link LOWER name NAME type macvlan mode MODE`. @throws {RangeError} for what the kernel refuses */
  constructor(ns: Netns, config: MacvlanConfig, on: Device) {
    const lower = on instanceof Macvlan ? on.lower : on;
    const port = lower.handler instanceof MacvlanPort ? lower.handler : new MacvlanPort(lower);
    const mode = MODES[config.mode ?? 'bridge'];
    if (port.passthru) throw new RangeError(`${lower.name} has a passthru device already`);
    if (mode === PASSTHRU && port.devices.length > 0) throw new RangeError(`${lower.name} has other macvlan devices`);
    const mac = mode === PASSTHRU ? lower.mac : config.mac;
    const taken = mode !== PASSTHRU && [lower, ...port.devices].some((other) => sameMac(other.mac, mac));
    if (taken) throw new RangeError(`${config.name}: address already in use on ${lower.name}`);
    super(ns, { ...config, mac }, lower);
    this.mode = mode;
    this.sources = config.sources ?? [];
    this.port = port;
    port.add(this);
  }

  takesFrom({ bytes, data }: Packet): boolean {
    const at = data + ethernet.HEADER_LEN - 8;
    return this.sources.some((mac) => mac.every((byte, i) => byte === bytes[at + i]));
  }

  /** macvlan_queue_xmit. */
  override transmit(pkt: Packet): void {
    const { port, lower } = this;
    const { view, data } = pkt;
    if (this.mode === BRIDGE) {
      if (isGroup(pkt)) port.broadcast(pkt, this);
      else if (port.find(ethernet.dstHigh(view, data), ethernet.dstLow(view, data))?.mode === BRIDGE) {
        // By way of the lower device, so that who listens there sees it.
        forwardFrame(pkt, this.ns, lower);
        return;
      }
    }
    this.sendBelow(pkt);
  }
}

const sameMac = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i]);

/** macvlan_eth_hash: the bucket of an address, and by it the order of a broadcast. */
function bucket(mac: Uint8Array): number {
  const value = mac.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) << 16n;
  return Number(BigInt.asUintN(64, value * 0x61c8864680b583ebn) >> 56n);
}
