/** A namespace with ports to the outside world, for tests of the stack: frames in as text or bytes, frames out as bytes. */
import { Backlog } from '../../src/net/backlog.ts';
import type { Device } from '../../src/net/device.ts';
import { Netns, type World } from '../../src/net/netns.ts';
import { PortDevice } from '../../src/net/wire.ts';
import { parse4, parseMac } from '../../src/packet/address.ts';
import { PacketPool } from '../../src/packet/arena.ts';
import * as sum from '../../src/packet/checksum.ts';
import { Clock } from '../../src/sim/clock.ts';
import { Random } from '../../src/sim/random.ts';

export const ip = (text: string): number => parse4(text)!;
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export interface Frame {
  readonly port: string;
  readonly bytes: Uint8Array;
}

export class Host {
  readonly clock: Clock = new Clock();
  readonly pool: PacketPool = new PacketPool();
  readonly world: World = { clock: this.clock, pool: this.pool, random: new Random(7), backlog: new Backlog() };
  readonly ns: Netns = new Netns('h', this.world);
  readonly ports: Map<string, PortDevice> = new Map();
  private out: Frame[] = [];

  constructor() {
    this.ns.sysctl.set('net.ipv4.ip_forward', 1);
    this.ns.sysctl.set('net.ipv4.icmp_ratemask', 0);
    this.ns.sysctl.set('net.ipv4.route.error_cost', 0);
    this.ns.sysctl.set('net.ipv4.conf.all.send_redirects', 0);
    this.ns.sysctl.set('net.ipv4.conf.default.send_redirects', 0);
  }

  /** A device of that name with addresses (`10.0.1.1/24`) and a cable to outside. */
  port(name: string, mac: string, addresses: readonly string[], mtu = 1500): PortDevice {
    const dev = new PortDevice(this.ns, { name, mac: parseMac(mac)!, mtu });
    for (const text of addresses) {
      const [address, length] = text.split('/') as [string, string];
      this.ns.addresses.add(dev, ip(address), Number(length));
    }
    dev.onFrame = (pkt) => this.out.push({ port: name, bytes: pkt.bytes.slice(pkt.data, pkt.end) });
    this.ports.set(name, dev);
    return dev;
  }

  neighbour(dev: Device, address: string, mac: string): void {
    this.ns.neigh.add(dev, ip(address), parseMac(mac)!);
  }

  /** A frame comes in by a port; @returns what left meanwhile. */
  inject(port: string, frame: Uint8Array): readonly Frame[] {
    this.ports.get(port)!.receive(this.pool.from(frame)!);
    return this.settle();
  }

  /** Time passes, in nanoseconds. */
  wait(time: number): readonly Frame[] {
    const until = this.clock.now + time;
    while (this.clock.next <= until) {
      this.clock.advance(this.clock.next);
      this.run();
    }
    this.clock.advance(until);
    return this.settle();
  }

  private run(): void {
    this.world.backlog.run();
  }

  settle(): readonly Frame[] {
    this.run();
    const { out } = this;
    this.out = [];
    return out;
  }
}

/** Two networks, 10.0.1.0/24 on eth0 and 10.0.2.0/24 on eth1, with a known neighbour .2 on each. */
export function router(mtu = 1500): Host {
  const host = new Host();
  const eth0 = host.port('eth0', '02:00:00:00:01:01', ['10.0.1.1/24']);
  const eth1 = host.port('eth1', '02:00:00:00:02:01', ['10.0.2.1/24'], mtu);
  host.neighbour(eth0, '10.0.1.2', '02:00:00:00:01:02');
  host.neighbour(eth1, '10.0.2.2', '02:00:00:00:02:02');
  return host;
}

export interface Ipv4Frame {
  readonly src?: string;
  readonly dst?: string;
  readonly protocol?: number;
  readonly ttl?: number;
  readonly tos?: number;
  readonly id?: number;
  /** Flags and offset as they stand. */
  readonly fragment?: number;
  readonly options?: readonly number[];
  readonly payload?: Uint8Array;
  readonly mac?: string;
}

/** An Ethernet frame with an IPv4 packet, by default from the neighbour on eth0 to the one on eth1. */
export function ipv4Frame(fields: Ipv4Frame = {}): Uint8Array {
  const { src = '10.0.1.2', dst = '10.0.2.2', protocol = 253, ttl = 64, tos = 0, id = 1, fragment = 0 } = fields;
  const { options = [], payload = new Uint8Array(0), mac = '02:00:00:00:01:01' } = fields;
  const hlen = 20 + options.length;
  const frame = new Uint8Array(14 + hlen + payload.length);
  const v = new DataView(frame.buffer);
  frame.set(parseMac(mac)!, 0);
  frame.set(parseMac('02:00:00:00:01:02')!, 6);
  v.setUint16(12, 0x0800);
  v.setUint8(14, 0x40 | (hlen >> 2));
  v.setUint8(15, tos);
  v.setUint16(16, hlen + payload.length);
  v.setUint16(18, id);
  v.setUint16(20, fragment);
  v.setUint8(22, ttl);
  v.setUint8(23, protocol);
  v.setInt32(26, ip(src));
  v.setInt32(30, ip(dst));
  frame.set(options, 34);
  v.setUint16(24, sum.checksum(v, 14, 14 + hlen));
  frame.set(payload, 14 + hlen);
  return frame;
}

/** The fields of an IPv4 packet in a frame that tests look at. */
export function readIpv4(frame: Uint8Array): {
  readonly length: number;
  readonly id: number;
  readonly df: boolean;
  readonly mf: boolean;
  readonly offset: number;
  readonly ttl: number;
  readonly payload: Uint8Array;
} {
  const v = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const hlen = (v.getUint8(14) & 15) * 4;
  const field = v.getUint16(20);
  return {
    length: v.getUint16(16),
    id: v.getUint16(18),
    df: (field & 0x4000) !== 0,
    mf: (field & 0x2000) !== 0,
    offset: (field & 0x1fff) * 8,
    ttl: v.getUint8(22),
    payload: frame.slice(14 + hlen, 14 + v.getUint16(16)),
  };
}

export function udp(sport: number, dport: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(8 + data.length);
  const v = new DataView(bytes.buffer);
  v.setUint16(0, sport);
  v.setUint16(2, dport);
  v.setUint16(4, bytes.length);
  bytes.set(data, 8);
  return bytes;
}
