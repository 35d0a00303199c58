/** IPv4 header, RFC 791. `v` is the view of the packet's arena, `at` the header's first byte. @module */
import { format4, parse4 } from './address.ts';
import * as sum from './checksum.ts';
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const VERSION_IHL = 0;
const TOS = 1;
const TOTAL_LENGTH = 2;
const ID = 4;
const FRAGMENT = 6;
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SRC = 12;
const DST = 16;
export const HEADER_LEN = 20;
export const MAX_HEADER_LEN = 60;

/** Bits of the fragment field. */
export const DF = 0x4000;
export const MF = 0x2000;
export const OFFSET_MASK = 0x1fff;

export const ICMP = 1;
export const IPIP = 4;
export const TCP = 6;
export const UDP = 17;
export const DCCP = 33;
export const GRE = 47;
export const ESP = 50;
export const AH = 51;
export const ICMPV6 = 58;
export const SCTP = 132;
export const UDPLITE = 136;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const IP_INHDR = reason('IP_INHDR');
const IP_CSUM = reason('IP_CSUM');

export const version = (v: DataView, at: number): number => v.getUint8(at + VERSION_IHL) >>> 4;
/** Header length in bytes, options included. */
export const headerLength = (v: DataView, at: number): number => (v.getUint8(at + VERSION_IHL) & 15) << 2;
export const tos = (v: DataView, at: number): number => v.getUint8(at + TOS);
export const totalLength = (v: DataView, at: number): number => v.getUint16(at + TOTAL_LENGTH);
export const id = (v: DataView, at: number): number => v.getUint16(at + ID);
/** Flags and offset as they stand: DF | MF | offset in units of 8 bytes. */
export const fragment = (v: DataView, at: number): number => v.getUint16(at + FRAGMENT);
/** Offset of a fragment in bytes. */
export const fragmentOffset = (v: DataView, at: number): number => (v.getUint16(at + FRAGMENT) & OFFSET_MASK) << 3;
/** A fragment, first or later. */
export const isFragment = (v: DataView, at: number): boolean => (v.getUint16(at + FRAGMENT) & (MF | OFFSET_MASK)) !== 0;
export const ttl = (v: DataView, at: number): number => v.getUint8(at + TTL);
export const protocol = (v: DataView, at: number): number => v.getUint8(at + PROTOCOL);
export const checksum = (v: DataView, at: number): number => v.getUint16(at + CHECKSUM);
/** Addresses are int32. */
export const src = (v: DataView, at: number): number => v.getInt32(at + SRC);
export const dst = (v: DataView, at: number): number => v.getInt32(at + DST);

export const setTotalLength = (v: DataView, at: number, bytes: number): void => v.setUint16(at + TOTAL_LENGTH, bytes);
export const setId = (v: DataView, at: number, value: number): void => v.setUint16(at + ID, value);
export const setFragment = (v: DataView, at: number, value: number): void => v.setUint16(at + FRAGMENT, value);
export const setChecksum = (v: DataView, at: number, value: number): void => v.setUint16(at + CHECKSUM, value);

/** These keep the header checksum right, as right as it was. */
export function setSrc(v: DataView, at: number, address: number): void {
  setChecksum(v, at, sum.replace32(checksum(v, at), src(v, at), address));
  v.setInt32(at + SRC, address);
}
export function setDst(v: DataView, at: number, address: number): void {
  setChecksum(v, at, sum.replace32(checksum(v, at), dst(v, at), address));
  v.setInt32(at + DST, address);
}
export function setTos(v: DataView, at: number, value: number): void {
  setChecksum(v, at, sum.replace16(checksum(v, at), v.getUint16(at), (v.getUint16(at) & 0xff00) | value));
  v.setUint8(at + TOS, value);
}
export function setTtl(v: DataView, at: number, value: number): void {
  const word = v.getUint16(at + TTL);
  setChecksum(v, at, sum.replace16(checksum(v, at), word, (value << 8) | (word & 0xff)));
  v.setUint8(at + TTL, value);
}

/**
 * One hop: TTL minus one, checksum plus 0x0100 with end-around carry (ip_decrease_ttl, include/net/ip.h), so that 0xfeff
 * becomes 0x0000 and never 0xffff.
 */
export function decrementTtl(v: DataView, at: number): void {
  const next = checksum(v, at) + 0x0100;
  setChecksum(v, at, (next + (next >= 0xffff ? 1 : 0)) & 0xffff);
  v.setUint8(at + TTL, ttl(v, at) - 1);
}

/** Compute and write the header checksum. */
export function fillChecksum(v: DataView, at: number): void {
  setChecksum(v, at, 0);
  setChecksum(v, at, sum.checksum(v, at, at + headerLength(v, at)));
}

/** The sum of the pseudo header for a segment of `length` bytes; behind an AH the header does not name its protocol. */
export const pseudo = (v: DataView, at: number, length: number, transport: number = protocol(v, at)): number =>
  sum.pseudo4(v, at + SRC, transport, length);

export interface Ipv4 {
  readonly tos: number;
  readonly totalLength: number;
  readonly id: number;
  /** DF | MF | offset / 8. */
  readonly fragment: number;
  readonly ttl: number;
  readonly protocol: number;
  readonly checksum: number;
  readonly src: string;
  readonly dst: string;
  /** As they stand, padded to a multiple of four bytes. */
  readonly options: Uint8Array;
}

/** 0, or why [at, end) holds no valid header: ip_rcv_core, net/ipv4/ip_input.c. Runs per packet. */
export function check(v: DataView, at: number, end: number): number {
  if (end - at < HEADER_LEN) return IP_INHDR;
  const ihl = headerLength(v, at);
  if (ihl < HEADER_LEN || version(v, at) !== 4 || end - at < ihl) return IP_INHDR;
  if (sum.fold(sum.add(v, at, at + ihl)) !== 0xffff) return IP_CSUM;
  const total = totalLength(v, at);
  if (total > end - at) return PKT_TOO_SMALL;
  return total < ihl ? IP_INHDR : 0;
}

/** {@link check} without the checksum. */
function isWellFormed(v: DataView, at: number, end: number): boolean {
  if (end - at < HEADER_LEN || version(v, at) !== 4 || headerLength(v, at) < HEADER_LEN) return false;
  return headerLength(v, at) <= totalLength(v, at) && totalLength(v, at) <= end - at;
}

/** Read a header from bytes [at, end); its checksum may be wrong. @throws {PacketError} if it is cut short or lies. */
export function parse(v: DataView, at: number, end: number): Ipv4 {
  if (!isWellFormed(v, at, end)) throw new PacketError('ipv4', `no header in ${end - at} bytes`);
  const options = new Uint8Array(v.buffer, v.byteOffset + at + HEADER_LEN, headerLength(v, at) - HEADER_LEN).slice();
  return {
    tos: tos(v, at),
    totalLength: totalLength(v, at),
    id: id(v, at),
    fragment: fragment(v, at),
    ttl: ttl(v, at),
    protocol: protocol(v, at),
    checksum: checksum(v, at),
    src: format4(src(v, at)),
    dst: format4(dst(v, at)),
    options,
  };
}

/** Write a header at `at`. Inverse of {@link parse}. @throws {PacketError} if an address or the options are not valid. */
export function emit(ip: Ipv4, v: DataView, at: number): void {
  const [from, to] = [parse4(ip.src), parse4(ip.dst)];
  if (from === undefined || to === undefined)
    throw new PacketError('ipv4', `not an address: ${from === undefined ? ip.src : ip.dst}`);
  if (ip.options.length > 40 || ip.options.length % 4 !== 0)
    throw new PacketError('ipv4', `${ip.options.length} bytes of options`);
  v.setUint8(at + VERSION_IHL, 0x40 | ((HEADER_LEN + ip.options.length) >>> 2));
  v.setUint8(at + TOS, ip.tos);
  setTotalLength(v, at, ip.totalLength);
  setId(v, at, ip.id);
  setFragment(v, at, ip.fragment);
  v.setUint8(at + TTL, ip.ttl);
  v.setUint8(at + PROTOCOL, ip.protocol);
  setChecksum(v, at, ip.checksum);
  v.setInt32(at + SRC, from);
  v.setInt32(at + DST, to);
  new Uint8Array(v.buffer, v.byteOffset).set(ip.options, at + HEADER_LEN);
}
