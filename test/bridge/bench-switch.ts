/** A namespace with a bridge between ports to the outside, and frames to put on them. */
import { Bridge, type BridgeConfig } from '../../src/bridge/bridge.ts';
import type { PortOptions } from '../../src/bridge/port.ts';
import { Backlog } from '../../src/net/backlog.ts';
import { Netns, type World } from '../../src/net/netns.ts';
import { PortDevice } from '../../src/net/wire.ts';
import { parse4, parseMac } from '../../src/packet/address.ts';
import { PacketPool } from '../../src/packet/arena.ts';
import * as arp from '../../src/packet/arp.ts';
import * as ethernet from '../../src/packet/ethernet.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import { REASONS, type ReasonName, reasonName } from '../../src/packet/reason.ts';
import * as udp from '../../src/packet/udp.ts';
import { Clock } from '../../src/sim/clock.ts';
import { Random } from '../../src/sim/random.ts';

export const mac = (last: number): string => `02:00:00:00:0a:${last.toString(16).padStart(2, '0')}`;
export const macBytes = (text: string): Uint8Array => parseMac(text)!;
export const BROADCAST = 'ff:ff:ff:ff:ff:ff';

export const newWorld = (seed = 1): World => ({
  pool: new PacketPool(),
  clock: new Clock(),
  random: new Random(seed),
  backlog: new Backlog(),
});

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

/** Ports of one namespace to the outside, and what left by them. */
export class Bench {
  readonly world: World;
  readonly ns: Netns;
  readonly ports = new Map<string, PortDevice>();
  /** Frames that left, oldest first, since they were last taken. */
  sent: [port: string, frame: Uint8Array][] = [];

  constructor(world: World = newWorld(), name = 'sw') {
    this.world = world;
    this.ns = new Netns(name, world);
  }

  port(name: string, mtu = 1500): PortDevice {
    const last = 0x80 + this.ports.size;
    const port = new PortDevice(this.ns, { name, mac: macBytes(mac(last)), mtu });
    port.onFrame = (pkt) => this.sent.push([name, pkt.bytes.slice(pkt.data, pkt.end)]);
    this.ports.set(name, port);
    return port;
  }

  /** Put a frame on a port; @returns the frames that leave because of it */
  inject(port: string, frame: Uint8Array): [port: string, frame: Uint8Array][] {
    this.sent = [];
    const pkt = this.world.pool.from(frame);
    if (pkt !== null) this.ports.get(port)!.receive(pkt);
    this.run();
    return this.sent;
  }

  /** The names of the ports by which a frame leaves. */
  way(port: string, frame: Uint8Array): string {
    return this.inject(port, frame)
      .map(([name]) => name)
      .join(' ');
  }

  run(): void {
    this.world.backlog.run();
  }

  /** Let time pass, with its timers. */
  wait(nanoseconds: number): void {
    this.world.clock.advance(this.world.clock.now + nanoseconds);
    this.run();
  }

  /** Reasons of packets that died, with their number. */
  drops(): Partial<Record<ReasonName, number>> {
    const all = Array.from({ length: REASONS }, (_, code) => [reasonName(code), this.ns.drops[code]!] as const);
    return Object.fromEntries(all.filter(([name, count]) => count > 0 && name !== 'CONSUMED'));
  }
}

/** A bench with a bridge br0 and a port for each name, which comes first in the namespace. */
export function switchOf(
  names: string,
  options: Readonly<Record<string, PortOptions>> = {},
  config: Partial<BridgeConfig> = {},
): Bench & { readonly bridge: Bridge } {
  const bench = new Bench();
  const bridge = new Bridge(bench.ns, { name: 'br0', mac: macBytes(mac(0xb0)), ...config });
  bench.ns.sysctl.set('net.bridge.bridge-nf-call-iptables', 0);
  for (const name of names) bridge.addPort(bench.port(name), options[name]);
  return Object.assign(bench, { bridge });
}

/** Any frame; `to` and `from` are numbers of stations or addresses. */
export function frame(
  to: number | string,
  from: number | string,
  type = 0x88b5,
  payload: Uint8Array = new Uint8Array(46),
): Uint8Array {
  const bytes = new Uint8Array(14 + payload.length);
  const address = (station: number | string): string => (typeof station === 'number' ? mac(station) : station);
  ethernet.emit({ dst: address(to), src: address(from), type }, new DataView(bytes.buffer), 0);
  bytes.set(payload, 14);
  return bytes;
}

export interface PacketFields {
  readonly src: string;
  readonly dst: string;
  readonly tos?: number;
  readonly ttl?: number;
  readonly id?: number;
  /** DF | MF | offset / 8. */
  readonly fragment?: number;
  readonly dstPort?: number;
  readonly data?: Uint8Array;
  readonly length?: number;
}

/** An IPv4 packet with UDP, from port 1. */
export function packet(fields: PacketFields): Uint8Array {
  const data = fields.data ?? new Uint8Array(fields.length ?? 8);
  const bytes = new Uint8Array(28 + data.length);
  const v = new DataView(bytes.buffer);
  ipv4.emit(
    {
      tos: fields.tos ?? 0,
      totalLength: bytes.length,
      id: fields.id ?? 7,
      fragment: fields.fragment ?? 0,
      ttl: fields.ttl ?? 64,
      protocol: ipv4.UDP,
      checksum: 0,
      src: fields.src,
      dst: fields.dst,
      options: new Uint8Array(),
    },
    v,
    0,
  );
  ipv4.fillChecksum(v, 0);
  udp.emit({ srcPort: 1, dstPort: fields.dstPort ?? 2, length: 8 + data.length, checksum: 0 }, v, 20);
  bytes.set(data, 28);
  udp.fillChecksum(v, 20, bytes.length, ipv4.pseudo(v, 0, 8 + data.length));
  return bytes;
}

/** An ARP frame of a station. */
export function arpFrame(operation: number, from: number, sender: string, target: string, to = BROADCAST): Uint8Array {
  const payload = new Uint8Array(28);
  arp.emit(
    {
      hardwareType: 1,
      protocolType: ethernet.ETH_P_IP,
      operation,
      senderMac: mac(from),
      senderIp: sender,
      targetMac: '00:00:00:00:00:00',
      targetIp: target,
    },
    new DataView(payload.buffer),
    0,
  );
  return frame(to, from, ethernet.ETH_P_ARP, payload);
}

export const ip = (text: string): number => parse4(text)!;
