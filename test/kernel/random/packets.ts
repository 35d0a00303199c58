/** Random packets, aimed at what a rule set and a world look for; and answers to frames that came out. */
import { compose } from '../../../src/packet/compose.ts';
import { dissect } from '../../../src/packet/dissect.ts';
import type { Layer } from '../../../src/packet/layer.ts';
import type { Chooser } from './chooser.ts';
import { PORTS, VIP6, VIPS } from './rules.ts';
import type { Host, World } from './world.ts';

export interface Frame {
  readonly port: string;
  readonly bytes: Uint8Array;
}

const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const WORDS = ['abc', 'xyxyzx', 'GET /', 'abababc', 'x'.repeat(30), 'q'.repeat(200), ''];
const TCP_OPTIONS = [
  [{ kind: 'mss', mss: 1460 }],
  [
    { kind: 'mss', mss: 1460 },
    { kind: 'sackOK' },
    { kind: 'timestamp', value: 5, echo: 0 },
    { kind: 'nop' },
    { kind: 'wscale', shift: 7 },
  ],
  [],
  [{ kind: 'nop' }, { kind: 'nop' }, { kind: 'timestamp', value: 9, echo: 8 }],
] as const;
const IP_OPTIONS = [
  '0701',
  '94040000',
  '0707040000000000',
  '8303040a',
  '01010100',
  '44080500000000',
  '890b080a0002020a000203',
];

/** Flows have source ports (or ids) of their own, so that no translation needs chance. */
export class Traffic {
  private readonly r: Chooser;
  private readonly world: World;
  private next = 20_000;
  private id = 1;

  constructor(r: Chooser, world: World) {
    this.r = r;
    this.world = world;
  }

  /** One or several frames that belong together. */
  some(): Frame[] {
    const { r, world } = this;
    const kind = r.below(100);
    if (kind < 6) return [this.arp()];
    if (kind < 14) return this.local();
    const six = world.ipv6 && r.chance(45);
    const from = r.one(world.hosts);
    const to = this.destination(from, six);
    const [layers, payload] = this.transport(six);
    const framed = this.frame(from, to, six, layers, payload);
    if (kind < 22 && !six) return this.fragments(framed);
    if (kind < 30) return [this.damaged(framed)];
    return [framed];
  }

  private destination(from: Host, six: boolean): string {
    const { r, world } = this;
    const own = world.nodes.flatMap(({ ips, ip6s }) => (six ? ip6s : ips));
    const hosts = world.hosts.filter((host) => host !== from).map((host) => (six ? host.ip6 : host.ip));
    const odd = six
      ? ['fd00:99::1', '::1']
      : ['255.255.255.255', '10.0.1.255', '224.0.0.5', '10.97.0.5', '192.0.2.9', '127.0.0.1', '10.0.2.77'];
    const kind = r.below(100);
    if (kind < 45) return r.one(hosts);
    if (kind < 72) return six ? VIP6 : r.one(VIPS);
    return kind < 90 ? r.one(own) : r.one(odd);
  }

  private transport(six: boolean): [Layer[], Uint8Array | string] {
    const { r } = this;
    const sport = this.next++;
    const dport = r.one(PORTS);
    const data = r.one(WORDS);
    const kind = r.below(100);
    if (kind < 38) return [[this.tcp(sport, dport)], r.chance(50) ? data : ''];
    if (kind < 66) return [[{ udp: { srcPort: sport, dstPort: dport } }], data];
    if (kind < 80) return [[this.message(six, sport)], data];
    if (kind < 86) {
      const chunks = r.one([
        '0100001400000005000100000001000100000001',
        '00030010000000010000000061626364',
        '0600000400',
      ]);
      return [[{ sctp: { srcPort: sport, dstPort: dport, tag: r.one([0, 7]) } }], bytesOf(chunks)];
    }
    return [[{ gre: { flags: 0, protocol: 0x0800 } }], data];
  }

  private tcp(srcPort: number, dstPort: number): Layer {
    const { r } = this;
    const flags = r.one(['S', 'S', 'S', 'S', '.', 'P.', 'F.', 'R', 'R.', 'SEW', 'S.', '', 'FPU']);
    return {
      tcp: { srcPort, dstPort, flags, seq: 1000, ack: flags.includes('.') ? 5001 : 0, options: r.one(TCP_OPTIONS) },
    };
  }

  private message(six: boolean, id: number): Layer {
    const { r } = this;
    if (six) return { icmpv6: { type: r.one([128, 128, 128, 129, 1, 133, 200]), id, sequence: 1 } };
    return { icmp: { type: r.one([8, 8, 8, 8, 0, 13, 17, 10, 40]), code: r.one([0, 0, 0, 3]), id, sequence: 1 } };
  }

  private frame(from: Host, dst: string, six: boolean, inner: readonly Layer[], payload: Uint8Array | string): Frame {
    const { r, world } = this;
    // On a link of its own, a neighbour is spoken to at its own address.
    const neighbour = world.hosts.find((host) => (six ? host.ip6 : host.ip) === dst);
    const isNear = neighbour !== undefined && neighbour.gateway === from.gateway && r.chance(70);
    const mac = r.chance(3) ? BROADCAST : isNear ? neighbour.mac : from.gateway;
    const ethernet: Layer = { ethernet: { dst: mac, src: from.mac } };
    const tag: Layer[] = r.chance(2) ? [{ vlan: { id: r.one([0, 5]) } }] : [];
    const tos = r.one([0, 0, 0, 0x10, 0x28, 0xb8, 1, 2, 3]);
    const hops = r.one([64, 64, 64, 64, 64, 1, 2, 5, 255]);
    const src = r.chance(3) ? r.one(world.hosts)[six ? 'ip6' : 'ip'] : six ? from.ip6 : from.ip;
    if (six) {
      const header: Layer = { ipv6: { src, dst, hopLimit: hops, trafficClass: tos } };
      const between: Layer[] = r.chance(10) ? [this.extension()] : [];
      return {
        port: from.port,
        bytes: safely([ethernet, ...tag, header, ...between, ...inner], payload, () => [ethernet, header, ...inner]),
      };
    }
    const options = r.chance(5) ? bytesOf(r.one(IP_OPTIONS)) : undefined;
    const fragment = r.chance(50) ? 0x4000 : 0;
    const header: Layer = {
      ipv4: {
        src,
        dst,
        ttl: hops,
        tos,
        id: this.nextId(),
        fragment,
        ...(options && { options: padded(options) }),
      } as never,
    };
    return {
      port: from.port,
      bytes: safely([ethernet, ...tag, header, ...inner], payload, () => [ethernet, header, ...inner]),
    };
  }

  private nextId(): number {
    this.id = (this.id * 3 + 7) & 0xffff;
    return this.id === 0 ? 1 : this.id;
  }

  private extension(): Layer {
    const body = bytesOf('010400000000');
    return this.r.one<Layer>([{ hopByHop: { body } }, { destination: { body } }, { fragment: { offset: 0, id: 9 } }]);
  }

  /** The IPv4 packet of a frame in two or three pieces. */
  private fragments({ port, bytes }: Frame): Frame[] {
    const { r } = this;
    const at = bytes[12] === 8 && bytes[13] === 0 ? 14 : -1;
    if (at < 0) return [{ port, bytes }];
    const long = new Uint8Array(bytes.length + 120);
    long.set(bytes);
    const header = (bytes[at]! & 15) * 4;
    const data = long.subarray(at + header);
    const size = 8 * r.between(1, 8);
    const pieces: Frame[] = [];
    for (let offset = 0; offset < data.length && pieces.length < 4; offset += size) {
      const last = pieces.length === 3 || offset + size >= data.length;
      const part = last ? data.slice(offset) : data.slice(offset, offset + size);
      const piece = new Uint8Array(at + header + part.length);
      piece.set(long.subarray(0, at + header));
      piece.set(part, at + header);
      const view = new DataView(piece.buffer);
      view.setUint16(at + 2, header + part.length);
      view.setUint16(at + 6, (last ? 0 : 0x2000) | (offset >> 3));
      pieces.push({ port, bytes: withHeaderSum(piece, at, header) });
    }
    if (r.chance(15)) pieces.reverse();
    if (r.chance(10)) pieces.splice(r.below(pieces.length), 1);
    return pieces;
  }

  private damaged({ port, bytes }: Frame): Frame {
    const { r } = this;
    const copy = bytes.slice();
    const kind = r.below(3);
    if (kind === 0) return { port, bytes: copy.slice(0, Math.max(14, r.below(copy.length + 1))) };
    const at = 14 + r.below(Math.max(1, copy.length - 14));
    copy[at] = r.below(256);
    if (kind === 2 && copy[12] === 8 && copy[13] === 0) return { port, bytes: withHeaderSum(copy, 14, 20) };
    return { port, bytes: copy };
  }

  private arp(): Frame {
    const { r, world } = this;
    const from = r.one(world.hosts);
    const own = world.nodes.flatMap(({ ips }) => ips);
    const operation = r.chance(70) ? 1 : 2;
    const target = r.chance(60) ? r.one(own) : r.one(world.hosts).ip;
    const layer = {
      operation,
      senderMac: from.mac,
      senderIp: from.ip,
      targetMac: '00:00:00:00:00:00',
      targetIp: target,
    };
    return { port: from.port, bytes: compose([{ ethernet: { dst: BROADCAST, src: from.mac } }, { arp: layer }]) };
  }

  /** A packet of a process on a node. */
  private local(): Frame[] {
    const { r, world } = this;
    const node = r.one(world.nodes);
    const six = world.ipv6 && r.chance(40);
    const to = this.destination(r.one(world.hosts), six);
    if (six && to.startsWith('ff')) return [];
    const src = r.one(six ? node.ip6s : node.ips);
    const [layers, payload] = this.transport(six);
    const header: Layer = six
      ? { ipv6: { src, dst: to, hopLimit: 64 } }
      : { ipv4: { src, dst: to, ttl: 64, tos: r.one([0, 0x10]), id: this.nextId(), fragment: 0x4000 } };
    const ethernet: Layer = { ethernet: { dst: '00:00:00:00:00:00', src: '00:00:00:00:00:00' } };
    return [
      { port: `local:${node.ns}`, bytes: safely([ethernet, header, ...layers], payload, () => [ethernet, header]) },
    ];
  }

  /** What whoever got this frame says to it, or null. */
  answer(port: string, bytes: Uint8Array): Frame | null {
    const { r, world } = this;
    const { layers } = dissect(bytes);
    const find = <K extends string>(name: K) =>
      (layers.find((layer) => name in layer) as Record<K, never> | undefined)?.[name];
    const ethernet = find('ethernet') as { src: string; dst: string } | undefined;
    const ip = (find('ipv4') ?? find('ipv6')) as { src: string; dst: string; fragment?: number } | undefined;
    if (ethernet === undefined || ip === undefined || ((ip.fragment ?? 0) & 0x3fff) !== 0) return null;
    const mac = world.hosts.find((host) => host.mac === ethernet.dst)?.mac ?? ethernet.dst;
    if (mac === BROADCAST || Number.parseInt(mac.slice(0, 2), 16) % 2 === 1) return null;
    const back: Layer[] = [{ ethernet: { dst: ethernet.src, src: mac } }];
    const six = find('ipv6') !== undefined;
    const header: Layer = six
      ? { ipv6: { src: ip.dst, dst: ip.src, hopLimit: 64 } }
      : { ipv4: { src: ip.dst, dst: ip.src, ttl: 64, id: this.nextId(), fragment: r.one([0, 0x4000]) } };
    if (r.chance(15)) return this.error(port, [...back, header], bytes, six);
    const reply = this.reply(find, six);
    return reply === null ? null : { port, bytes: compose([...back, header, reply], r.chance(40) ? r.one(WORDS) : '') };
  }

  private reply(find: (name: string) => unknown, six: boolean): Layer | null {
    const { r } = this;
    const tcp = find('tcp') as
      | { srcPort: number; dstPort: number; seq: number; ack: number; flags: number }
      | undefined;
    if (tcp !== undefined) {
      const isSyn = (tcp.flags & 2) !== 0;
      const flags = isSyn ? r.one(['S.', 'S.', 'S.', 'R.']) : r.one(['.', '.', 'P.', 'F.', 'R']);
      const seq = isSyn ? 5000 : tcp.ack;
      return {
        tcp: { srcPort: tcp.dstPort, dstPort: tcp.srcPort, flags, seq, ack: tcp.seq + (isSyn ? 1 : r.one([0, 0, 5])) },
      };
    }
    const udp = find('udp') as { srcPort: number; dstPort: number } | undefined;
    if (udp !== undefined) return { udp: { srcPort: udp.dstPort, dstPort: udp.srcPort } };
    const icmp = (find('icmp') ?? find('icmpv6')) as { type: number; code: number; info: number } | undefined;
    if (icmp !== undefined && (icmp.type === 8 || icmp.type === 128)) {
      return six ? { icmpv6: { type: 129, info: icmp.info } } : { icmp: { type: 0, code: icmp.code, info: icmp.info } };
    }
    return find('gre') === undefined ? null : { gre: { flags: 0, protocol: 0x0800 } };
  }

  /** An ICMP error that quotes the packet as it came. */
  private error(port: string, layers: readonly Layer[], bytes: Uint8Array, six: boolean): Frame {
    const { r } = this;
    const quote = bytes.slice(14, 14 + r.one([48, 68, 200]));
    const message: Layer = six
      ? { icmpv6: { type: r.one([1, 3, 4]), code: 0, info: 0 } }
      : { icmp: { type: r.one([3, 3, 11]), code: r.one([0, 1]), info: 0 } };
    return { port, bytes: compose([...layers, message], quote) };
  }
}

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

function padded(options: Uint8Array): Uint8Array {
  const whole = new Uint8Array(Math.ceil(options.length / 4) * 4);
  whole.set(options);
  return whole;
}

/** A frame of layers; where a field cannot be written, of simpler ones. */
function safely(layers: readonly Layer[], payload: Uint8Array | string, simpler: () => readonly Layer[]): Uint8Array {
  try {
    return compose(layers, payload);
  } catch {
    return compose(simpler(), payload);
  }
}

/** The same with a right IPv4 header checksum. */
function withHeaderSum(bytes: Uint8Array, at: number, header: number): Uint8Array {
  if (bytes.length < at + header) return bytes;
  const copy = bytes.slice();
  copy[at + 10] = copy[at + 11] = 0;
  let sum = 0;
  for (let i = at; i < at + header; i += 2) sum += (copy[i]! << 8) | (copy[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  copy[at + 10] = (~sum >>> 8) & 255;
  copy[at + 11] = ~sum & 255;
  return copy;
}
