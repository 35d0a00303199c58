/** DCCP generic header, RFC 4340 section 5.1 (include/uapi/linux/dccp.h). `at` is the header's first byte. @module */
import * as sum from './checksum.ts';
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const SRC_PORT = 0;
const DST_PORT = 2;
const OFFSET = 4;
const CCVAL = 5;
const CHECKSUM = 6;
const TYPE = 8;
const SEQ = 9;
/** With 24-bit sequence numbers; with 48-bit ones it is 16. */
export const HEADER_LEN = 12;

/** Packet types. */
export const REQUEST = 0;
export const RESPONSE = 1;
export const DATA = 2;
export const ACK = 3;
export const DATAACK = 4;
export const CLOSEREQ = 5;
export const CLOSE = 6;
export const RESET = 7;
export const SYNC = 8;
export const SYNCACK = 9;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');

export const srcPort = (v: DataView, at: number): number => v.getUint16(at + SRC_PORT);
export const dstPort = (v: DataView, at: number): number => v.getUint16(at + DST_PORT);
/** Both ports in one int32, source in the high half. */
export const ports = (v: DataView, at: number): number => v.getInt32(at + SRC_PORT);
/** Header length in bytes, options included. */
export const headerLength = (v: DataView, at: number): number => v.getUint8(at + OFFSET) << 2;
/** How many words of the payload the checksum covers, plus one; 0: all. */
export const coverage = (v: DataView, at: number): number => v.getUint8(at + CCVAL) & 15;
export const checksum = (v: DataView, at: number): number => v.getUint16(at + CHECKSUM);
export const type = (v: DataView, at: number): number => (v.getUint8(at + TYPE) >>> 1) & 15;
/** Sequence numbers of 48 bits. */
export const isExtended = (v: DataView, at: number): boolean => (v.getUint8(at + TYPE) & 1) !== 0;
/** Sequence number, 24 or 48 bits (a double holds it). */
export const seq = (v: DataView, at: number): number =>
  isExtended(v, at)
    ? v.getUint16(at + SEQ + 1) * 2 ** 32 + v.getUint32(at + SEQ + 3)
    : (v.getUint8(at + SEQ) << 16) | v.getUint16(at + SEQ + 1);
/** Bytes before the type's own part. */
export const basicLength = (v: DataView, at: number): number => (isExtended(v, at) ? 16 : HEADER_LEN);

export const setSrcPort = (v: DataView, at: number, port: number): void => v.setUint16(at + SRC_PORT, port);
export const setDstPort = (v: DataView, at: number, port: number): void => v.setUint16(at + DST_PORT, port);
export const setChecksum = (v: DataView, at: number, value: number): void => v.setUint16(at + CHECKSUM, value);

/** Correct the checksum for a field that changes from `from` to `to` (an address of the pseudo header, a port). */
export const adjustChecksum16 = (v: DataView, at: number, from: number, to: number): void =>
  setChecksum(v, at, sum.replace32(checksum(v, at), from, to));
export const adjustChecksum32 = (v: DataView, at: number, from: number, to: number): void =>
  setChecksum(v, at, sum.replace32(checksum(v, at), from, to));

export interface Dccp {
  readonly srcPort: number;
  readonly dstPort: number;
  /** Bytes, a multiple of four: with what the type adds and the options. */
  readonly headerLength: number;
  readonly ccval: number;
  readonly coverage: number;
  readonly checksum: number;
  readonly type: number;
  readonly extended: boolean;
  readonly seq: number;
}

/** 0, or why [at, end) holds no header (dccp_error, nf_conntrack_proto_dccp.c). Runs per packet. */
export function check(v: DataView, at: number, end: number): number {
  if (end - at < HEADER_LEN || end - at < basicLength(v, at)) return PKT_TOO_SMALL;
  const length = headerLength(v, at);
  return length < basicLength(v, at) || length > end - at ? PKT_TOO_SMALL : 0;
}

/** Read the generic header from bytes [at, end). @throws {PacketError} if it is cut short or its length lies. */
export function parse(v: DataView, at: number, end: number): Dccp {
  if (check(v, at, end) !== 0) throw new PacketError('dccp', `no header in ${end - at} bytes`);
  return {
    srcPort: srcPort(v, at),
    dstPort: dstPort(v, at),
    headerLength: headerLength(v, at),
    ccval: v.getUint8(at + CCVAL) >>> 4,
    coverage: coverage(v, at),
    checksum: checksum(v, at),
    type: type(v, at),
    extended: isExtended(v, at),
    seq: seq(v, at),
  };
}

/** Write the generic header at `at`, reserved bits zero. Inverse of {@link parse}. */
export function emit(dccp: Dccp, v: DataView, at: number): void {
  setSrcPort(v, at, dccp.srcPort);
  setDstPort(v, at, dccp.dstPort);
  v.setUint8(at + OFFSET, dccp.headerLength >>> 2);
  v.setUint8(at + CCVAL, (dccp.ccval << 4) | dccp.coverage);
  setChecksum(v, at, dccp.checksum);
  v.setUint8(at + TYPE, (dccp.type << 1) | (dccp.extended ? 1 : 0));
  if (dccp.extended) {
    v.setUint8(at + SEQ, 0);
    v.setUint16(at + SEQ + 1, Math.floor(dccp.seq / 2 ** 32));
    v.setUint32(at + SEQ + 3, dccp.seq % 2 ** 32);
  } else {
    v.setUint8(at + SEQ, dccp.seq >>> 16);
    v.setUint16(at + SEQ + 1, dccp.seq & 0xffff);
  }
}
