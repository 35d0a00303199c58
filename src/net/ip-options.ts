/**
 * IPv4 options: reading them (which notes addresses and times as a router must), writing the out address when the packet is
 * forwarded, echoing them in an answer, and what is left of them in fragments. net/ipv4/ip_options.c. @module
 */
import * as ipv4 from '../packet/ipv4.ts';
import * as opt from '../packet/ipv4-options.ts';
import type { Packet } from '../packet/packet.ts';

/** Bits of `pkt.optionFlags`. */
export const OPT_STRICT = 1;
export const OPT_CHANGED = 2;
export const OPT_RR_NEEDADDR = 4;
export const OPT_TS_NEEDADDR = 8;
export const OPT_TS_NEEDTIME = 16;
export const OPT_SRR_HIT = 32;
export const OPT_ROUTER_ALERT = 64;
/** The options have been read, or written by this host: what optlen says in IPCB. Bridges do not read them. */
const OPT_KNOWN = 128;

/** Offsets in the header, kept in `pkt.options`: one byte each; 0 says that there is none. */
const SRR_SHIFT = 24;
const RR_SHIFT = 16;
const TS_SHIFT = 8;
export const srr = (pkt: Packet): number => pkt.options >>> SRR_SHIFT;
export const rr = (pkt: Packet): number => (pkt.options >>> RR_SHIFT) & 0xff;
export const ts = (pkt: Packet): number => (pkt.options >>> TS_SHIFT) & 0xff;
const cipso = (pkt: Packet): number => pkt.options & 0xff;

const MAX_OPTIONS = 40;
const OVERFLOW_MAX = 15;
const CIPSO_MIN = 8;

/** What reading and writing options asks of the host. */
export interface OptionsHost {
  /** fib_compute_spec_dst: the address of this host that an answer to the packet would come from. */
  ownAddress(pkt: Packet): number;
  /** Is the address one of another host (RTN_UNICAST)? */
  isForeign(address: number): boolean;
  /** Milliseconds since midnight UTC. */
  timestamp(): number;
}

/**
 * __ip_options_compile: check the options of a packet and note what they want. With `host` the packet was received and has
 * its route, so record route and timestamp are filled in (the header checksum is not corrected, as in Linux).
 * @returns 0, or the offset in the header of the byte that is wrong. Runs per packet with options.
 */
export function compile(pkt: Packet, host: OptionsHost | null): number {
  pkt.options = 0;
  pkt.optionFlags = OPT_KNOWN;
  const { view: v, l3 } = pkt;
  const end = opt.end(v, l3);
  let i = opt.begin(l3);
  while (i < end) {
    const kind = opt.kind(v, i);
    if (kind === opt.END) {
      zeroRest(pkt, i + 1, end);
      return 0;
    }
    if (kind === opt.NOOP) {
      i++;
      continue;
    }
    const length = end - i < 2 ? 0 : v.getUint8(i + 1);
    if (length < 2 || length > end - i) return i - l3;
    const wrong = compileOne(pkt, i, kind, length, host);
    if (wrong !== 0) return wrong - l3;
    i += length;
  }
  return 0;
}

function zeroRest(pkt: Packet, from: number, end: number): void {
  for (let i = from; i < end; i++) {
    if (pkt.bytes[i] === opt.END) continue;
    pkt.bytes[i] = opt.END;
    pkt.optionFlags |= OPT_CHANGED;
  }
}

/** @returns 0, or where (absolute) the option is wrong */
function compileOne(pkt: Packet, i: number, kind: number, length: number, host: OptionsHost | null): number {
  switch (kind) {
    case opt.SSRR:
    case opt.LSRR:
      return compileSourceRoute(pkt, i, kind, length);
    case opt.RR:
      return compileRecordRoute(pkt, i, length, host);
    case opt.TIMESTAMP:
      return compileTimestamp(pkt, i, length, host);
    case opt.RA:
      if (length < 4) return i + 1;
      if (pkt.view.getUint16(i + 2) === 0) pkt.optionFlags |= OPT_ROUTER_ALERT;
      return 0;
    case opt.CIPSO:
      return compileCipso(pkt, i, length);
    default:
      return 0;
  }
}

/** cipso_v4_validate: nothing here configures a domain of interpretation, so none is known. */
function compileCipso(pkt: Packet, i: number, length: number): number {
  if (cipso(pkt) !== 0) return i;
  pkt.options |= i - pkt.l3;
  return length < CIPSO_MIN ? i + 1 : i + 2;
}

function compileSourceRoute(pkt: Packet, i: number, kind: number, length: number): number {
  if (length < 3) return i + 1;
  if (opt.pointer(pkt.view, i) < opt.MIN_ROUTE_POINTER) return i + 2;
  if (srr(pkt) !== 0) return i;
  if (kind === opt.SSRR) pkt.optionFlags |= OPT_STRICT;
  pkt.options |= (i - pkt.l3) << SRR_SHIFT;
  return 0;
}

function compileRecordRoute(pkt: Packet, i: number, length: number, host: OptionsHost | null): number {
  const { view: v } = pkt;
  if (rr(pkt) !== 0) return i;
  if (length < 3) return i + 1;
  const pointer = opt.pointer(v, i);
  if (pointer < opt.MIN_ROUTE_POINTER) return i + 2;
  if (pointer <= length) {
    if (pointer + 3 > length) return i + 2;
    if (host !== null) {
      v.setInt32(i + pointer - 1, host.ownAddress(pkt));
      pkt.optionFlags |= OPT_CHANGED;
    }
    opt.setPointer(v, i, pointer + 4);
    pkt.optionFlags |= OPT_RR_NEEDADDR;
  }
  pkt.options |= (i - pkt.l3) << RR_SHIFT;
  return 0;
}

function compileTimestamp(pkt: Packet, i: number, length: number, host: OptionsHost | null): number {
  const { view: v } = pkt;
  if (ts(pkt) !== 0) return i;
  if (length < 4) return i + 1;
  const pointer = opt.pointer(v, i);
  if (pointer < opt.MIN_TIMESTAMP_POINTER) return i + 2;
  const flag = opt.timestampFlags(v, i);
  if (pointer <= length) {
    if (pointer + 3 > length) return i + 2;
    if ((flag === opt.TS_TSANDADDR || flag === opt.TS_PRESPEC) && pointer + 7 > length) return i + 2;
    stamp(pkt, i, pointer, flag, host);
  } else if (flag !== opt.TS_PRESPEC) {
    if (opt.overflow(v, i) === OVERFLOW_MAX) return i + 3;
    opt.setOverflow(v, i, opt.overflow(v, i) + 1);
    pkt.optionFlags |= OPT_CHANGED;
  }
  pkt.options |= (i - pkt.l3) << TS_SHIFT;
  return 0;
}

/** Write a time, and with it our address where that is asked for. */
function stamp(pkt: Packet, i: number, pointer: number, flag: number, host: OptionsHost | null): void {
  const { view: v } = pkt;
  const slot = i + pointer - 1;
  let time = -1;
  switch (flag) {
    case opt.TS_TSONLY:
      time = slot;
      pkt.optionFlags |= OPT_TS_NEEDTIME;
      opt.setPointer(v, i, pointer + 4);
      break;
    case opt.TS_TSANDADDR:
      if (host !== null) v.setInt32(slot, host.ownAddress(pkt));
      time = slot + 4;
      pkt.optionFlags |= OPT_TS_NEEDADDR | OPT_TS_NEEDTIME;
      opt.setPointer(v, i, pointer + 8);
      break;
    case opt.TS_PRESPEC:
      if (host === null || host.isForeign(v.getInt32(slot))) return;
      time = slot + 4;
      pkt.optionFlags |= OPT_TS_NEEDTIME;
      opt.setPointer(v, i, pointer + 8);
      break;
    default:
      return;
  }
  if (host === null) return;
  v.setUint32(time, host.timestamp());
  pkt.optionFlags |= OPT_CHANGED;
}

/** ip_options_fragment: in fragments after the first, options that are not copied become NOPs, where they are known. */
export function fragment(pkt: Packet): void {
  if ((pkt.optionFlags & OPT_KNOWN) === 0) return;
  const { view: v, bytes, l3 } = pkt;
  const end = opt.end(v, l3);
  let i = opt.begin(l3);
  while (i < end) {
    const kind = opt.kind(v, i);
    if (kind === opt.END) break;
    if (kind === opt.NOOP) {
      i++;
      continue;
    }
    const length = end - i < 2 ? 0 : v.getUint8(i + 1);
    if (length < 2 || length > end - i) break;
    if ((kind & opt.COPY) === 0) bytes.fill(opt.NOOP, i, i + length);
    i += length;
  }
  pkt.options &= 0xff0000ff;
  pkt.optionFlags &= ~(OPT_RR_NEEDADDR | OPT_TS_NEEDADDR | OPT_TS_NEEDTIME);
}

/** Options of an answer, to be written into its header: struct ip_options_data; reused. */
export class ReplyOptions {
  readonly bytes: Uint8Array = new Uint8Array(MAX_OPTIONS + 4);
  /** Bytes used, a multiple of four. */
  length = 0;
  /** Where to go first when the answer retraces a source route, int32; 0: straight to the destination. */
  firstHop = 0;
  private readonly view = new DataView(this.bytes.buffer);
  private rr = 0;
  private ts = 0;
  private srr = 0;
  private needs = 0;

  clear(): void {
    this.length = this.firstHop = 0;
    this.rr = this.ts = this.srr = this.needs = 0;
  }

  /** __ip_options_echo. @returns false when they cannot be answered. */
  echo(pkt: Packet, isForeign: (address: number) => boolean): boolean {
    this.clear();
    this.bytes.fill(0);
    if (ipv4.headerLength(pkt.view, pkt.l3) === ipv4.HEADER_LEN) return true;
    if (rr(pkt) !== 0 && !this.echoRecordRoute(pkt)) return false;
    if (ts(pkt) !== 0 && !this.echoTimestamp(pkt, isForeign)) return false;
    if (srr(pkt) !== 0) this.echoSourceRoute(pkt);
    if (cipso(pkt) !== 0) this.copy(pkt, cipso(pkt));
    while ((this.length & 3) !== 0) this.bytes[this.length++] = opt.END;
    return true;
  }

  /** Copy an option behind those so far. @returns where it stands here */
  private copy({ bytes, l3 }: Packet, offset: number): number {
    const place = this.length;
    const length = bytes[l3 + offset + 1]!;
    for (let i = 0; i < length; i++) this.bytes[place + i] = bytes[l3 + offset + i]!;
    this.length += length;
    return place;
  }

  private echoRecordRoute(pkt: Packet): boolean {
    const place = this.copy(pkt, rr(pkt));
    const [length, pointer] = [this.bytes[place + 1]!, this.bytes[place + 2]!];
    this.rr = place + ipv4.HEADER_LEN;
    if ((pkt.optionFlags & OPT_RR_NEEDADDR) === 0 || pointer > length) return true;
    if (pointer + 3 > length) return false;
    this.bytes[place + 2] = pointer + 4;
    this.needs |= OPT_RR_NEEDADDR;
    return true;
  }

  private echoTimestamp(pkt: Packet, isForeign: (address: number) => boolean): boolean {
    const place = this.copy(pkt, ts(pkt));
    const length = this.bytes[place + 1]!;
    let pointer = this.bytes[place + 2]!;
    this.ts = place + ipv4.HEADER_LEN;
    if (pointer > length) return true;
    if ((pkt.optionFlags & OPT_TS_NEEDADDR) !== 0) {
      if (pointer + 3 > length) return false;
      this.needs |= OPT_TS_NEEDADDR;
      pointer += 4;
    }
    if ((pkt.optionFlags & OPT_TS_NEEDTIME) !== 0) {
      if (pointer + 3 > length) return false;
      if ((this.bytes[place + 3]! & 15) !== opt.TS_PRESPEC) {
        this.needs |= OPT_TS_NEEDTIME;
        pointer += 4;
      } else if (pointer + 7 <= length && !isForeign(this.view.getInt32(place + pointer - 1))) {
        this.needs |= OPT_TS_NEEDTIME;
        pointer += 8;
      }
    }
    this.bytes[place + 2] = pointer;
    return true;
  }

  /** The hops so far, backwards. */
  private echoSourceRoute({ view: v, l3, options }: Packet): void {
    const start = l3 + (options >>> SRR_SHIFT);
    const place = this.length;
    let from = Math.min(v.getUint8(start + 2), v.getUint8(start + 1) + 1) - 4;
    let to = 0;
    if (from > 3) {
      this.firstHop = v.getInt32(start + from - 1);
      for (from -= 4, to = 4; from > 3; from -= 4, to += 4) {
        this.view.setInt32(place + to - 1, v.getInt32(start + from - 1));
      }
      // RFC 1812: leave out the sender where it stands in its own route.
      if (ipv4.src(v, l3) === v.getInt32(start + from + 3)) to -= 4;
    }
    if (to <= 3) {
      this.firstHop = 0;
      return;
    }
    this.bytes[place] = v.getUint8(start);
    this.bytes[place + 1] = to + 3;
    this.bytes[place + 2] = 4;
    this.srr = place + ipv4.HEADER_LEN;
    this.length += to + 3;
  }

  /** ip_options_build: write them behind the header of a packet from `source` to `dst`. */
  build(pkt: Packet, source: number, dst: number, host: OptionsHost): void {
    const { view: v, l3 } = pkt;
    pkt.bytes.set(this.bytes.subarray(0, this.length), l3 + ipv4.HEADER_LEN);
    pkt.options = (this.srr << SRR_SHIFT) | (this.rr << RR_SHIFT) | (this.ts << TS_SHIFT);
    pkt.optionFlags = this.needs | OPT_KNOWN;
    if (this.srr !== 0) v.setInt32(l3 + this.srr + v.getUint8(l3 + this.srr + 1) - 4, dst);
    const { needs } = this;
    if ((needs & OPT_RR_NEEDADDR) !== 0) v.setInt32(l3 + this.rr + v.getUint8(l3 + this.rr + 2) - 5, source);
    const time = l3 + this.ts + v.getUint8(l3 + this.ts + 2);
    if ((needs & OPT_TS_NEEDADDR) !== 0) v.setInt32(time - 9, source);
    if ((needs & OPT_TS_NEEDTIME) !== 0) v.setUint32(time - 5, host.timestamp());
  }
}
