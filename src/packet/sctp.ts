/** SCTP common header and chunks, RFC 9260 section 3. `at` is the header's first byte. @module */
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const SRC_PORT = 0;
const DST_PORT = 2;
const TAG = 4;
const CHECKSUM = 8;
export const HEADER_LEN = 12;
export const CHUNK_HEADER_LEN = 4;

/** Chunk types. */
export const DATA = 0;
export const INIT = 1;
export const INIT_ACK = 2;
export const SACK = 3;
export const HEARTBEAT = 4;
export const HEARTBEAT_ACK = 5;
export const ABORT = 6;
export const SHUTDOWN = 7;
export const SHUTDOWN_ACK = 8;
export const ERROR = 9;
export const COOKIE_ECHO = 10;
export const COOKIE_ACK = 11;
export const ECN_ECNE = 12;
export const ECN_CWR = 13;
export const SHUTDOWN_COMPLETE = 14;
export const AUTH = 15;
export const I_DATA = 64;
export const ASCONF_ACK = 128;
export const RECONF = 130;
export const PAD = 132;
export const FWD_TSN = 192;
export const ASCONF = 193;
export const I_FWD_TSN = 194;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');

export const srcPort = (v: DataView, at: number): number => v.getUint16(at + SRC_PORT);
export const dstPort = (v: DataView, at: number): number => v.getUint16(at + DST_PORT);
/** Both ports in one int32, source in the high half. */
export const ports = (v: DataView, at: number): number => v.getInt32(at + SRC_PORT);
/** Verification tag, uint32. */
export const tag = (v: DataView, at: number): number => v.getUint32(at + TAG);
/** CRC32c, uint32; on the wire its least significant byte comes first. */
export const checksum = (v: DataView, at: number): number => v.getUint32(at + CHECKSUM, true);

export const setSrcPort = (v: DataView, at: number, port: number): void => v.setUint16(at + SRC_PORT, port);
export const setDstPort = (v: DataView, at: number, port: number): void => v.setUint16(at + DST_PORT, port);
export const setTag = (v: DataView, at: number, value: number): void => v.setUint32(at + TAG, value);
export const setChecksum = (v: DataView, at: number, value: number): void => v.setUint32(at + CHECKSUM, value, true);

export const chunkType = (v: DataView, i: number): number => v.getUint8(i);
export const chunkFlags = (v: DataView, i: number): number => v.getUint8(i + 1);
/** Chunk header and value, bytes, without the padding to a multiple of four. */
export const chunkLength = (v: DataView, i: number): number => v.getUint16(i + 2);

/**
 * The chunk behind the one at `i`, or -1: at the end, or where the length is too short or too long. Begin with
 * {@link firstChunk}. Runs per packet.
 */
export const nextChunk = (v: DataView, i: number, end: number): number =>
  chunk(v, i + ((chunkLength(v, i) + 3) & ~3), end);
export const firstChunk = (v: DataView, at: number, end: number): number => chunk(v, at + HEADER_LEN, end);

function chunk(v: DataView, i: number, end: number): number {
  if (end - i < CHUNK_HEADER_LEN) return -1;
  const length = chunkLength(v, i);
  return length >= CHUNK_HEADER_LEN && length <= end - i ? i : -1;
}

/** CRC of a byte, reflected Castagnoli polynomial. */
const CRC32C = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc;
});

/** CRC32c over [at, end) going on from `crc`; begin with -1, complement at the end (RFC 9260 appendix A). */
export function crc32c(v: DataView, at: number, end: number, crc = -1): number {
  for (let i = at; i < end; i++) crc = CRC32C[(crc ^ v.getUint8(i)) & 255]! ^ (crc >>> 8);
  return crc;
}

/** The checksum that the packet [at, end) should have, uint32: over it all, the checksum field taken as zero. */
export function expectedChecksum(v: DataView, at: number, end: number): number {
  let crc = crc32c(v, at, at + CHECKSUM);
  for (let i = 0; i < 4; i++) crc = CRC32C[crc & 255]! ^ (crc >>> 8);
  return ~crc32c(v, at + HEADER_LEN, end, crc) >>> 0;
}

/** Compute and write the checksum. */
export const fillChecksum = (v: DataView, at: number, end: number): void =>
  setChecksum(v, at, expectedChecksum(v, at, end));

export interface Sctp {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly tag: number;
  readonly checksum: number;
}

/** 0, or why [at, end) holds no header. Runs per packet. */
export const check = (_v: DataView, at: number, end: number): number => (end - at < HEADER_LEN ? PKT_TOO_SMALL : 0);

/** Read a header from bytes [at, end). @throws {PacketError} if it is cut short. */
export function parse(v: DataView, at: number, end: number): Sctp {
  if (check(v, at, end) !== 0) throw new PacketError('sctp', `${end - at} bytes, expected at least ${HEADER_LEN}`);
  return { srcPort: srcPort(v, at), dstPort: dstPort(v, at), tag: tag(v, at), checksum: checksum(v, at) };
}

/** Write a header at `at`. Inverse of {@link parse}. */
export function emit(sctp: Sctp, v: DataView, at: number): void {
  setSrcPort(v, at, sctp.srcPort);
  setDstPort(v, at, sctp.dstPort);
  setTag(v, at, sctp.tag);
  setChecksum(v, at, sctp.checksum);
}
