/** UDP header, RFC 768. `v` is the view of the packet's arena, `at` the header's first byte. @module */
import * as sum from './checksum.ts';
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const SRC_PORT = 0;
const DST_PORT = 2;
const LENGTH = 4;
const CHECKSUM = 6;
export const HEADER_LEN = 8;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');

export const srcPort = (v: DataView, at: number): number => v.getUint16(at + SRC_PORT);
export const dstPort = (v: DataView, at: number): number => v.getUint16(at + DST_PORT);
/** Both ports in one int32, source in the high half. */
export const ports = (v: DataView, at: number): number => v.getInt32(at + SRC_PORT);
/** Header and data, bytes, as the header says. */
export const length = (v: DataView, at: number): number => v.getUint16(at + LENGTH);
/** 0 means that the sender made none. */
export const checksum = (v: DataView, at: number): number => v.getUint16(at + CHECKSUM);

export const setSrcPort = (v: DataView, at: number, port: number): void => v.setUint16(at + SRC_PORT, port);
export const setDstPort = (v: DataView, at: number, port: number): void => v.setUint16(at + DST_PORT, port);
export const setLength = (v: DataView, at: number, bytes: number): void => v.setUint16(at + LENGTH, bytes);
export const setChecksum = (v: DataView, at: number, value: number): void => v.setUint16(at + CHECKSUM, value);

/** Compute and write the checksum; `pseudo` is the sum of the pseudo header. A result of 0 is sent as 0xffff. */
export function fillChecksum(v: DataView, at: number, end: number, pseudo: number): void {
  setChecksum(v, at, 0);
  setChecksum(v, at, sum.finish(sum.add(v, at, end, pseudo)) || 0xffff);
}

/** Correct the checksum for a field that changed elsewhere (an address, a port); 0 stays 0, a result of 0 is 0xffff. */
export function adjustChecksum16(v: DataView, at: number, from: number, to: number): void {
  const old = checksum(v, at);
  if (old !== 0) setChecksum(v, at, sum.replace32(old, from, to) || 0xffff);
}
export function adjustChecksum32(v: DataView, at: number, from: number, to: number): void {
  const old = checksum(v, at);
  if (old !== 0) setChecksum(v, at, sum.replace32(old, from, to) || 0xffff);
}

export interface Udp {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly length: number;
  readonly checksum: number;
}

/** 0, or why [at, end) holds no datagram. Runs per packet. */
export const check = (v: DataView, at: number, end: number): number =>
  end - at < HEADER_LEN || length(v, at) < HEADER_LEN || length(v, at) > end - at ? PKT_TOO_SMALL : 0;

/** Read a header from bytes [at, end). @throws {PacketError} if it is cut short or its length lies. */
export function parse(v: DataView, at: number, end: number): Udp {
  if (end - at < HEADER_LEN) throw new PacketError('udp', `${end - at} bytes, expected at least ${HEADER_LEN}`);
  if (check(v, at, end) !== 0) throw new PacketError('udp', `length ${length(v, at)} in ${end - at} bytes`);
  return { srcPort: srcPort(v, at), dstPort: dstPort(v, at), length: length(v, at), checksum: checksum(v, at) };
}

/** Write a header at `at`. Inverse of {@link parse}. */
export function emit(udp: Udp, v: DataView, at: number): void {
  setSrcPort(v, at, udp.srcPort);
  setDstPort(v, at, udp.dstPort);
  setLength(v, at, udp.length);
  setChecksum(v, at, udp.checksum);
}
