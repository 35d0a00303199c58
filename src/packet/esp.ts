/** ESP header, RFC 4303 section 2: what stands before the ciphertext. `at` is the header's first byte. @module */
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const SPI = 0;
const SEQ = 4;
export const HEADER_LEN = 8;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');

/** Security parameters index and sequence number, uint32. */
export const spi = (v: DataView, at: number): number => v.getUint32(at + SPI);
export const seq = (v: DataView, at: number): number => v.getUint32(at + SEQ);

export interface Esp {
  readonly spi: number;
  readonly seq: number;
}

/** 0, or why [at, end) holds no header. Runs per packet. */
export const check = (_v: DataView, at: number, end: number): number => (end - at < HEADER_LEN ? PKT_TOO_SMALL : 0);

/** Read a header from bytes [at, end). @throws {PacketError} if it is cut short. */
export function parse(v: DataView, at: number, end: number): Esp {
  if (check(v, at, end) !== 0) throw new PacketError('esp', `${end - at} bytes, expected at least ${HEADER_LEN}`);
  return { spi: spi(v, at), seq: seq(v, at) };
}

/** Write a header at `at`. Inverse of {@link parse}. */
export function emit(esp: Esp, v: DataView, at: number): void {
  v.setUint32(at + SPI, esp.spi);
  v.setUint32(at + SEQ, esp.seq);
}
