/**
 * Frames that resemble real ones: mutated blindly, or by field (other protocols, ports, flags, options, fragments, tunnels,
 * answers to what came out), with the lengths and checksums right again as often as not.
 */
import * as sum from '../../src/packet/checksum.ts';
import { ETH_P_8021Q, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6 } from '../../src/packet/ethernet.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import type { Random } from '../../src/sim/random.ts';

export interface Frame {
  readonly port: string;
  readonly bytes: Uint8Array;
}

/** Bytes of headers, where a change matters most. */
const HEADERS = 80;
const INTERESTING = [0, 1, 4, 5, 6, 8, 17, 0x40, 0x45, 0x46, 0x4f, 0x60, 0x7f, 0x80, 0xc0, 0xfe, 0xff];
const PROTOCOLS = [1, 1, 2, 4, 6, 6, 6, 17, 17, 17, 33, 41, 47, 50, 51, 58, 132, 136, 0, 43, 44, 59, 60, 255];
const VXLAN_PORT = 4789;
/** How many frames that came out are kept to be answered. */
const MEMORY = 256;
const [TCP_FLAGS, ICMP_QUOTE] = [13, 8];

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Where the layers of a frame begin; l4 is -1 when it is not the first of an IPv4 datagram, or cut. */
class Layout {
  readonly v: DataView;
  readonly l3: number;
  readonly type: number;
  readonly l4: number;
  readonly protocol: number;

  constructor(bytes: Uint8Array) {
    this.v = viewOf(bytes);
    let at = 12;
    while (bytes.length >= at + 6 && this.v.getUint16(at) === ETH_P_8021Q) at += 4;
    this.type = bytes.length >= at + 2 ? this.v.getUint16(at) : -1;
    this.l3 = at + 2;
    const [isIp, isIp6] = [this.isIpv4, this.type === ETH_P_IPV6 && bytes.length >= this.l3 + 48];
    this.protocol = isIp ? this.v.getUint8(this.l3 + 9) : isIp6 ? this.v.getUint8(this.l3 + 6) : -1;
    const start = isIp ? this.l3 + ipv4.headerLength(this.v, this.l3) : this.l3 + 40;
    const whole = isIp ? (this.v.getUint16(this.l3 + 6) & ipv4.OFFSET_MASK) === 0 : isIp6;
    this.l4 = whole && start >= this.l3 + 20 && start + 8 <= bytes.length ? start : -1;
  }

  get isIpv4(): boolean {
    return this.type === ETH_P_IP && this.v.byteLength >= this.l3 + 20;
  }
}

export class Mutator {
  private readonly random: Random;
  private readonly seeds: readonly Frame[];
  /** Ports, and the MAC of the device behind each. */
  private readonly ports: readonly string[];
  private readonly macs: readonly Uint8Array[];
  private readonly addresses: readonly number[];
  private readonly seen: Frame[] = [];
  private waiting: Frame[] = [];

  /** @param entries MACs by port; none: the frames' ports and MACs stay as they are */
  constructor(
    random: Random,
    seeds: readonly Frame[],
    entries: ReadonlyMap<string, Uint8Array>,
    extra: readonly number[],
  ) {
    this.random = random;
    this.seeds = seeds;
    this.ports = [...entries.keys()];
    this.macs = [...entries.values()];
    this.addresses = [...new Set([...seeds.flatMap(addressesOf), ...extra])];
  }

  /** Remember what came out: some of it will be answered. */
  learn(port: string, bytes: Uint8Array): void {
    if (this.seen.length < MEMORY) this.seen.push({ port, bytes });
    else this.seen[this.below(MEMORY)] = { port, bytes };
  }

  /** The next frame. */
  next(): Frame {
    const waiting = this.waiting.pop();
    if (waiting !== undefined) return waiting;
    const answers = this.seen.length > 0 && this.chance(4);
    const seed = this.pick(answers ? this.seen : this.seeds);
    const frame = answers ? this.answer(seed) : this.move(seed);
    if (this.chance(3)) return { port: frame.port, bytes: this.scramble(frame.bytes) };
    return this.fields(frame);
  }

  private below(n: number): number {
    return this.random.below(n);
  }

  /** One time in n. */
  private chance(n: number): boolean {
    return this.random.below(n) === 0;
  }

  private pick<T>(from: readonly T[]): T {
    return from[this.random.below(from.length)]!;
  }

  /** To one of the lab's ports, mostly to the MAC of its device. */
  private move({ port, bytes }: Frame): Frame {
    if (this.ports.length === 0 || bytes.length < 12) return { port, bytes: bytes.slice() };
    const i = this.below(this.ports.length);
    const moved = bytes.slice();
    if ((moved[0]! & 1) === 0) moved.set(this.macs[this.chance(16) ? this.below(this.macs.length) : i]!);
    return { port: this.ports[i]!, bytes: moved };
  }

  /** Back to where it came from: MACs, addresses and ports change places, an echo request becomes its reply. */
  private answer({ port, bytes }: Frame): Frame {
    const back = bytes.slice();
    const swap = (a: number, b: number, n: number): void => {
      if (b + n > back.length) return;
      const first = back.slice(a, a + n);
      back.copyWithin(a, b, b + n);
      back.set(first, b);
    };
    swap(0, 6, 6);
    const { type, l3, l4, protocol, isIpv4 } = new Layout(back);
    if (type === ETH_P_ARP && back.length >= l3 + 28) {
      back[l3 + 7] = 2;
      swap(l3 + 8, l3 + 18, 10);
      back.set(back.subarray(6, 12), l3 + 8);
    } else if (isIpv4) {
      swap(l3 + 12, l3 + 16, 4);
      if (l4 >= 0 && protocol === ipv4.ICMP && back[l4] === 8) back[l4] = 0;
      else if (l4 >= 0) swap(l4, l4 + 2, 2);
    } else if (type === ETH_P_IPV6) swap(l3 + 8, l3 + 24, 16);
    return { port, bytes: back };
  }

  /** Change bytes without knowing what they mean. */
  private scramble(frame: Uint8Array): Uint8Array {
    const { random } = this;
    if (this.chance(32)) return Uint8Array.from({ length: random.below(200) }, () => random.below(256));
    let bytes = frame;
    for (let n = random.below(4); n >= 0 && bytes.length > 0; n--) {
      const at = random.below(Math.min(bytes.length, this.chance(4) ? bytes.length : HEADERS));
      switch (random.below(6)) {
        case 0:
          bytes[at] = random.below(256);
          break;
        case 1:
          bytes[at] = this.pick(INTERESTING);
          break;
        case 2:
          bytes[at]! ^= 1 << random.below(8);
          break;
        case 3:
          bytes = bytes.slice(0, random.below(bytes.length + 1));
          break;
        case 4:
          bytes = joined(
            bytes,
            Uint8Array.from({ length: random.below(64) }, () => random.below(256)),
          );
          break;
        default:
          bytes.copyWithin(at, random.below(bytes.length), random.below(bytes.length));
      }
    }
    if (!this.chance(4)) repair(bytes);
    return bytes;
  }

  /** Change fields by their meaning. */
  private fields({ port, bytes }: Frame): Frame {
    let frame = bytes;
    const layout = new Layout(frame);
    if (this.chance(12)) this.changeEthernet(frame);
    if (layout.isIpv4) {
      for (let n = this.below(3); n > 0; n--) this.changeIpv4(new Layout(frame));
      if (layout.l4 >= 0) for (let n = this.below(3); n > 0; n--) this.changeTransport(layout);
      if (this.chance(12)) frame = this.withOptions(frame, layout);
      if (!this.chance(10)) repair(frame);
      if (this.chance(8)) frame = this.fragments(port, frame);
      if (this.chance(24)) frame = this.inTunnel(frame);
    } else if (layout.type === ETH_P_IPV6 && layout.l4 >= 0) {
      this.changeIpv6(layout);
      if (!this.chance(10)) repair(frame);
    } else if (layout.type === ETH_P_ARP && frame.length >= layout.l3 + 28) {
      layout.v.setInt32(layout.l3 + this.pick([14, 24]), this.pick(this.addresses));
    }
    if (this.chance(24)) frame = this.tagged(frame);
    return { port, bytes: frame };
  }

  private changeEthernet(frame: Uint8Array): void {
    if (frame.length < 14) return;
    switch (this.below(8)) {
      case 0:
        frame.fill(0xff, 0, 6);
        break;
      case 1:
        frame.set([1, 0, 0x5e, 0, 0, this.below(4)]);
        break;
      case 2:
        frame.set([1, 0x80, 0xc2, 0, 0, this.below(16)]);
        break;
      case 3:
        frame[5] = this.below(8);
        break;
      default:
        frame[11] = this.below(8);
    }
  }

  private changeIpv4({ v, l3 }: Layout): void {
    switch (this.below(8)) {
      case 0:
        v.setUint8(l3 + 9, this.pick(PROTOCOLS));
        break;
      case 1:
        v.setUint8(l3 + 8, this.pick([0, 1, 2, 3, 64, 255]));
        break;
      case 2:
        v.setUint16(
          l3 + 6,
          this.pick([0, ipv4.DF, ipv4.MF, 0x8000, ipv4.DF | ipv4.MF]) | this.pick([0, 0, 1, 2, 185, 0x1fff]),
        );
        break;
      case 3:
        v.setUint16(l3 + 2, Math.max(0, v.getUint16(l3 + 2) + this.pick([-1, 1, -8, 8, -20, 100])));
        break;
      case 4:
        v.setUint8(l3 + 1, this.below(256));
        break;
      case 5:
        v.setUint16(l3 + 4, this.below(4));
        break;
      default:
        v.setInt32(l3 + this.pick([12, 16, 16]), this.pick(this.addresses));
    }
  }

  private changeIpv6({ v, l3, l4 }: Layout): void {
    const last = this.below(4);
    if (this.chance(4)) v.setUint8(l3 + 6, this.pick(PROTOCOLS));
    if (this.chance(8)) v.setUint8(l3 + 7, this.below(3));
    if (this.chance(4)) v.setUint8(l3 + this.pick([23, 39]), last);
    if (this.chance(4)) v.setUint8(l4 + this.below(4), this.pick(INTERESTING));
    if (this.chance(8)) v.setUint16(l3 + 4, this.below(v.byteLength));
  }

  private changeTransport({ v, l4, protocol }: Layout): void {
    const has = (offset: number, size: number): boolean => l4 + offset + size <= v.byteLength;
    if (protocol === ipv4.ICMP) {
      v.setUint8(l4, this.pick([0, 3, 3, 3, 4, 5, 8, 11, 12, 13, 17, this.below(20)]));
      if (this.chance(2)) v.setUint8(l4 + 1, this.below(16));
      if (this.chance(4)) v.setUint16(l4 + 6, this.pick([0, 68, 576, 1400]));
      if (this.chance(3)) this.quote(v, l4 + ICMP_QUOTE);
      return;
    }
    if (this.chance(2))
      v.setUint16(l4 + this.pick([0, 2]), this.pick([0, 1, 21, 53, 80, 443, 1000, 3000, 8080, 30080, VXLAN_PORT]));
    if (protocol !== ipv4.TCP || !has(0, 20)) {
      if (has(4, 4) && this.chance(3)) v.setUint16(l4 + 4, this.below(64));
      return;
    }
    switch (this.below(5)) {
      case 0:
        v.setUint8(l4 + TCP_FLAGS, this.pick([1, 2, 4, 0x10, 0x11, 0x12, 0x14, 0x18, 0x3f, this.below(256)]));
        break;
      case 1:
        v.setUint32(l4 + this.pick([4, 8]), this.random.u32());
        break;
      case 2:
        v.setUint32(l4 + 4, v.getUint32(l4 + 4) + this.below(3000));
        break;
      case 3:
        v.setUint32(l4 + 8, v.getUint32(l4 + 8) + this.below(3000));
        break;
      default:
        v.setUint8(l4 + 12, this.below(16) << 4);
    }
  }

  /** What an ICMP error quotes: a packet that came out, as who got it would quote it. */
  private quote(v: DataView, at: number): void {
    if (this.seen.length === 0) return;
    const { bytes } = this.pick(this.seen);
    const { l3, isIpv4 } = new Layout(bytes);
    if (!isIpv4) return;
    for (let i = 0; at + i < v.byteLength && l3 + i < bytes.length; i++) v.setUint8(at + i, bytes[l3 + i]!);
  }

  /** IP options in front of the data: some well formed, some not. */
  private withOptions(frame: Uint8Array, { v, l3 }: Layout): Uint8Array {
    const hlen = ipv4.headerLength(v, l3);
    const words = 1 + this.below(10);
    if (hlen < 20 || hlen + 4 * words > 60 || frame.length < l3 + hlen) return frame;
    const options = new Uint8Array(4 * words);
    const type = this.pick([0x07, 0x44, 0x83, 0x89, 0x94, 0x86, 1, this.below(256)]);
    options.set([
      type,
      this.chance(4) ? this.below(48) : Math.max(3, options.length - this.below(4)),
      4 + this.below(3),
    ]);
    for (let i = 3; i + 4 <= options.length; i += 4) viewOf(options).setInt32(i, this.pick(this.addresses));
    const made = joined(frame.subarray(0, l3 + hlen), options, frame.subarray(l3 + hlen));
    const view = viewOf(made);
    view.setUint8(l3, 0x40 | ((hlen + options.length) >> 2));
    view.setUint16(l3 + 2, Math.min(0xffff, view.getUint16(l3 + 2) + options.length));
    return made;
  }

  /** Cut the datagram into pieces, with holes, doubles and overlaps now and then; the others come next. */
  private fragments(port: string, frame: Uint8Array): Uint8Array {
    const { v, l3, isIpv4 } = new Layout(frame);
    const hlen = ipv4.headerLength(v, l3);
    const data = frame.length - l3 - hlen;
    if (!isIpv4 || hlen < 20 || data < 16 || (v.getUint16(l3 + 6) & ipv4.OFFSET_MASK) !== 0) return frame;
    const step = 8 * (1 + this.below(Math.min(64, data >> 3)));
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < data && pieces.length < 80; at += step) {
      if (this.chance(40)) continue;
      const from = this.chance(40) ? Math.max(0, at - 8) : at;
      const piece = joined(frame.subarray(0, l3 + hlen), frame.subarray(l3 + hlen + from, l3 + hlen + at + step));
      const view = viewOf(piece);
      view.setUint16(l3 + 2, piece.length - l3);
      view.setUint16(l3 + 6, (from >> 3) | (at + step < data ? ipv4.MF : 0));
      ipv4.fillChecksum(view, l3);
      pieces.push(piece);
      if (this.chance(40)) pieces.push(piece.slice());
    }
    if (this.chance(3)) pieces.sort(() => this.below(3) - 1);
    this.waiting = pieces.map((bytes) => ({ port, bytes }));
    return this.waiting.pop()?.bytes ?? frame;
  }

  /** The frame inside a VXLAN packet. */
  private inTunnel(frame: Uint8Array): Uint8Array {
    const outer = new Uint8Array(50);
    const v = viewOf(outer);
    outer.set(frame.subarray(0, 12));
    v.setUint16(12, ETH_P_IP);
    outer.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17], 14);
    v.setUint16(16, Math.min(0xffff, 36 + frame.length));
    v.setInt32(26, this.pick(this.addresses));
    v.setInt32(30, this.pick(this.addresses));
    v.setUint16(34, this.below(65536));
    v.setUint16(36, VXLAN_PORT);
    v.setUint16(38, Math.min(0xffff, 16 + frame.length));
    v.setUint8(42, this.chance(8) ? this.below(256) : 8);
    v.setUint8(48, this.chance(8) ? this.below(256) : 7);
    ipv4.fillChecksum(v, 14);
    return joined(outer, frame);
  }

  private tagged(frame: Uint8Array): Uint8Array {
    if (frame.length < 14) return frame;
    const tag = Uint8Array.of(0x81, 0, this.below(256), this.below(4));
    return joined(frame.subarray(0, 12), tag, frame.subarray(12));
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function addressesOf({ bytes }: Frame): number[] {
  const { v, l3, isIpv4, type } = new Layout(bytes);
  if (isIpv4) return [v.getInt32(l3 + 12), v.getInt32(l3 + 16)];
  return type === ETH_P_ARP && bytes.length >= l3 + 28 ? [v.getInt32(l3 + 14), v.getInt32(l3 + 24)] : [];
}

/** Checksums right again, so that a mutation gets past the first check. */
export function repair(frame: Uint8Array): void {
  const { v, l3, l4, protocol, isIpv4, type } = new Layout(frame);
  if (isIpv4) {
    const hlen = ipv4.headerLength(v, l3);
    if (hlen >= 20 && l3 + hlen <= frame.length) ipv4.fillChecksum(v, l3);
  }
  if (l4 < 0) return;
  const end = isIpv4 ? Math.min(frame.length, l3 + v.getUint16(l3 + 2)) : frame.length;
  const offset = { 1: 2, 6: 16, 17: 6, 58: 2, 136: 6 }[protocol];
  if (offset === undefined || l4 + offset + 2 > end) return;
  const pseudo =
    type === ETH_P_IPV6 ? sum.pseudo6(v, l3 + 8, protocol, end - l4) : sum.pseudo4(v, l3 + 12, protocol, end - l4);
  v.setUint16(l4 + offset, 0);
  v.setUint16(l4 + offset, sum.finish(sum.add(v, l4, end, protocol === ipv4.ICMP ? 0 : pseudo)));
}
