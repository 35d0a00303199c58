/** IPv6 header, RFC 8200; checks as ip6_rcv_core, net/ipv6/ip6_input.c. `at` is the header's first byte. @module */
import { type Address6, format6, parse6 } from './address.ts';
import * as sum from './checksum.ts';
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const VERSION_CLASS_FLOW = 0;
const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const HOP_LIMIT = 7;
/** Places of the addresses in the header, for those who take them word by word. */
export const SRC = 8;
export const DST = 24;
export const HEADER_LEN = 40;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const IP_INHDR = reason('IP_INHDR');

export const version = (v: DataView, at: number): number => v.getUint8(at + VERSION_CLASS_FLOW) >>> 4;
export const trafficClass = (v: DataView, at: number): number => (v.getUint16(at + VERSION_CLASS_FLOW) >>> 4) & 255;
export const flowLabel = (v: DataView, at: number): number => v.getUint32(at + VERSION_CLASS_FLOW) & 0xfffff;
/** Bytes behind this header, extension headers included; 0 for a jumbogram. */
export const payloadLength = (v: DataView, at: number): number => v.getUint16(at + PAYLOAD_LENGTH);
/** Protocol of what follows: an extension header (ipv6-ext.ts) or a transport. */
export const nextHeader = (v: DataView, at: number): number => v.getUint8(at + NEXT_HEADER);
export const hopLimit = (v: DataView, at: number): number => v.getUint8(at + HOP_LIMIT);
/** Word `i` (0..3) of an address, int32. */
export const srcWord = (v: DataView, at: number, i: number): number => v.getInt32(at + SRC + 4 * i);
export const dstWord = (v: DataView, at: number, i: number): number => v.getInt32(at + DST + 4 * i);
/** A whole address, for printing and building: it allocates. */
export const src = (v: DataView, at: number): Address6 => readAddress(v, at + SRC);
export const dst = (v: DataView, at: number): Address6 => readAddress(v, at + DST);

export const setTrafficClass = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + VERSION_CLASS_FLOW, (v.getUint16(at + VERSION_CLASS_FLOW) & 0xf00f) | (value << 4));
export const setPayloadLength = (v: DataView, at: number, bytes: number): void =>
  v.setUint16(at + PAYLOAD_LENGTH, bytes);
export const setNextHeader = (v: DataView, at: number, value: number): void => v.setUint8(at + NEXT_HEADER, value);
export const setHopLimit = (v: DataView, at: number, value: number): void => v.setUint8(at + HOP_LIMIT, value);
export const setSrcWord = (v: DataView, at: number, i: number, word: number): void =>
  v.setInt32(at + SRC + 4 * i, word);
export const setDstWord = (v: DataView, at: number, i: number, word: number): void =>
  v.setInt32(at + DST + 4 * i, word);

/** The four words at `at`, anywhere in a packet. Allocates. */
export const readAddress = (v: DataView, at: number): Address6 => [
  v.getInt32(at),
  v.getInt32(at + 4),
  v.getInt32(at + 8),
  v.getInt32(at + 12),
];

/** Write the four words at `at`, anywhere in a packet. */
export function writeAddress(v: DataView, at: number, address: Address6): void {
  for (let i = 0; i < 4; i++) v.setInt32(at + 4 * i, address[i as 0 | 1 | 2 | 3]);
}

/** The sum of the pseudo header for `length` bytes of transport `protocol`, which is not the next header if extensions follow. */
export const pseudo = (v: DataView, at: number, protocol: number, length: number): number =>
  sum.pseudo6(v, at + SRC, protocol, length);

export interface Ipv6 {
  readonly trafficClass: number;
  readonly flowLabel: number;
  readonly payloadLength: number;
  readonly nextHeader: number;
  readonly hopLimit: number;
  readonly src: string;
  readonly dst: string;
}

/** 0, or why [at, end) holds no valid header: the length part of ip6_rcv_core. Runs per packet. */
export function check(v: DataView, at: number, end: number): number {
  if (end - at < HEADER_LEN || version(v, at) !== 6) return IP_INHDR;
  return payloadLength(v, at) + HEADER_LEN > end - at ? PKT_TOO_SMALL : 0;
}

/** Read a header from bytes [at, end). @throws {PacketError} if it is cut short or lies. */
export function parse(v: DataView, at: number, end: number): Ipv6 {
  if (check(v, at, end) !== 0) throw new PacketError('ipv6', `no header in ${end - at} bytes`);
  return {
    trafficClass: trafficClass(v, at),
    flowLabel: flowLabel(v, at),
    payloadLength: payloadLength(v, at),
    nextHeader: nextHeader(v, at),
    hopLimit: hopLimit(v, at),
    src: format6(src(v, at)),
    dst: format6(dst(v, at)),
  };
}

/** Write a header at `at`. Inverse of {@link parse}. @throws {PacketError} if an address is none. */
export function emit(ip: Ipv6, v: DataView, at: number): void {
  const [from, to] = [parse6(ip.src), parse6(ip.dst)];
  if (from === undefined || to === undefined)
    throw new PacketError('ipv6', `not an address: ${from === undefined ? ip.src : ip.dst}`);
  v.setUint32(at + VERSION_CLASS_FLOW, (6 << 28) | (ip.trafficClass << 20) | ip.flowLabel);
  setPayloadLength(v, at, ip.payloadLength);
  setNextHeader(v, at, ip.nextHeader);
  setHopLimit(v, at, ip.hopLimit);
  writeAddress(v, at + SRC, from);
  writeAddress(v, at + DST, to);
}
