/** Authentication header, RFC 4302 section 2 (include/uapi/linux/ip.h). `at` is the header's first byte. @module */
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const NEXT_HEADER = 0;
const LENGTH = 1;
const RESERVED = 2;
const SPI = 4;
const SEQ = 8;
const ICV = 12;
/** Without the integrity check value. */
export const HEADER_LEN = 12;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');

/** Protocol of what follows. */
export const nextHeader = (v: DataView, at: number): number => v.getUint8(at + NEXT_HEADER);
/** Header length in bytes, ICV included. */
export const headerLength = (v: DataView, at: number): number => (v.getUint8(at + LENGTH) + 2) << 2;
export const reserved = (v: DataView, at: number): number => v.getUint16(at + RESERVED);
/** Security parameters index and sequence number, uint32. */
export const spi = (v: DataView, at: number): number => v.getUint32(at + SPI);
export const seq = (v: DataView, at: number): number => v.getUint32(at + SEQ);

export interface Ah {
  readonly nextHeader: number;
  readonly reserved: number;
  readonly spi: number;
  readonly seq: number;
  /** Integrity check value, a multiple of four bytes. */
  readonly icv: Uint8Array;
}

/** 0, or why [at, end) holds no header. Runs per packet. */
export function check(v: DataView, at: number, end: number): number {
  if (end - at < HEADER_LEN) return PKT_TOO_SMALL;
  return headerLength(v, at) < HEADER_LEN || headerLength(v, at) > end - at ? PKT_TOO_SMALL : 0;
}

/** Read a header from bytes [at, end). @throws {PacketError} if it is cut short or its length lies. */
export function parse(v: DataView, at: number, end: number): Ah {
  if (check(v, at, end) !== 0) throw new PacketError('ah', `no header in ${end - at} bytes`);
  return {
    nextHeader: nextHeader(v, at),
    reserved: reserved(v, at),
    spi: spi(v, at),
    seq: seq(v, at),
    icv: new Uint8Array(v.buffer, v.byteOffset + at + ICV, headerLength(v, at) - HEADER_LEN).slice(),
  };
}

/** Write a header at `at`. Inverse of {@link parse}. @throws {PacketError} if the ICV is not in fours of bytes. */
export function emit(ah: Ah, v: DataView, at: number): void {
  if (ah.icv.length % 4 !== 0 || ah.icv.length > 1016) throw new PacketError('ah', `${ah.icv.length} bytes of ICV`);
  v.setUint8(at + NEXT_HEADER, ah.nextHeader);
  v.setUint8(at + LENGTH, ((HEADER_LEN + ah.icv.length) >>> 2) - 2);
  v.setUint16(at + RESERVED, ah.reserved);
  v.setUint32(at + SPI, ah.spi);
  v.setUint32(at + SEQ, ah.seq);
  new Uint8Array(v.buffer, v.byteOffset).set(ah.icv, at + ICV);
}
