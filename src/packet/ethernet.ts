/** Ethernet II header, IEEE 802.3 clause 3. `v` is the view of the packet's arena, `at` the header's first byte. @module */
import { formatMac, parseMac } from './address.ts';
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const DST = 0;
const SRC = 6;
const TYPE = 12;
export const HEADER_LEN = 14;

export const ETH_P_IP = 0x0800;
export const ETH_P_ARP = 0x0806;
export const ETH_P_8021Q = 0x8100;
export const ETH_P_8021AD = 0x88a8;
export const ETH_P_IPV6 = 0x86dd;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');

/** An address is its first two bytes and its last four: two integers compare faster than six bytes. */
export const dstHigh = (v: DataView, at: number): number => v.getUint16(at + DST);
export const dstLow = (v: DataView, at: number): number => v.getInt32(at + DST + 2);
export const srcHigh = (v: DataView, at: number): number => v.getUint16(at + SRC);
export const srcLow = (v: DataView, at: number): number => v.getInt32(at + SRC + 2);
export const type = (v: DataView, at: number): number => v.getUint16(at + TYPE);

export const isMulticast = (v: DataView, at: number): boolean => (v.getUint8(at + DST) & 1) !== 0;
export const isBroadcast = (v: DataView, at: number): boolean => dstHigh(v, at) === 0xffff && dstLow(v, at) === -1;

export function setDst(v: DataView, at: number, high: number, low: number): void {
  v.setUint16(at + DST, high);
  v.setInt32(at + DST + 2, low);
}
export function setSrc(v: DataView, at: number, high: number, low: number): void {
  v.setUint16(at + SRC, high);
  v.setInt32(at + SRC + 2, low);
}
export const setType = (v: DataView, at: number, value: number): void => v.setUint16(at + TYPE, value);

export interface Ethernet {
  readonly dst: string;
  readonly src: string;
  readonly type: number;
}

/** 0, or why [at, end) holds no header. Runs per packet. */
export const check = (_v: DataView, at: number, end: number): number => (end - at < HEADER_LEN ? PKT_TOO_SMALL : 0);

/** Read a header. @throws {PacketError} if it is cut short. */
export function parse(v: DataView, at: number, end: number): Ethernet {
  if (check(v, at, end) !== 0) throw new PacketError('ethernet', `${end - at} bytes, expected at least ${HEADER_LEN}`);
  const bytes = new Uint8Array(v.buffer, v.byteOffset);
  return { dst: formatMac(bytes, at + DST), src: formatMac(bytes, at + SRC), type: type(v, at) };
}

/** Write a header. Inverse of {@link parse}. @throws {PacketError} if an address is none. */
export function emit(header: Ethernet, v: DataView, at: number): void {
  const bytes = new Uint8Array(v.buffer, v.byteOffset);
  for (const [offset, text] of [
    [DST, header.dst],
    [SRC, header.src],
  ] as const) {
    const mac = parseMac(text);
    if (mac === undefined) throw new PacketError('ethernet', `not a MAC address: ${text}`);
    bytes.set(mac, at + offset);
  }
  setType(v, at, header.type);
}
