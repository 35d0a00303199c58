/** TCP header, RFC 9293. `v` is the view of the packet's arena, `at` the header's first byte. @module */
import * as sum from './checksum.ts';
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const SRC_PORT = 0;
const DST_PORT = 2;
const SEQ = 4;
const ACK_SEQ = 8;
const OFFSET = 12;
const FLAGS = 13;
const WINDOW = 14;
const CHECKSUM = 16;
const URGENT = 18;
export const HEADER_LEN = 20;
export const MAX_HEADER_LEN = 60;

/** Bits of {@link flags}. */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;
export const ECE = 0x40;
export const CWR = 0x80;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');

export const srcPort = (v: DataView, at: number): number => v.getUint16(at + SRC_PORT);
export const dstPort = (v: DataView, at: number): number => v.getUint16(at + DST_PORT);
/** Both ports in one int32, source in the high half. */
export const ports = (v: DataView, at: number): number => v.getInt32(at + SRC_PORT);
/** Sequence and acknowledgement number, uint32. */
export const seq = (v: DataView, at: number): number => v.getUint32(at + SEQ);
export const ack = (v: DataView, at: number): number => v.getUint32(at + ACK_SEQ);
/** Header length in bytes, options included. */
export const headerLength = (v: DataView, at: number): number => (v.getUint8(at + OFFSET) >>> 4) << 2;
/** The four bits between header length and flags; the last is AE (once NS). */
export const reserved = (v: DataView, at: number): number => v.getUint8(at + OFFSET) & 15;
export const flags = (v: DataView, at: number): number => v.getUint8(at + FLAGS);
/** As it stands, not scaled. */
export const window = (v: DataView, at: number): number => v.getUint16(at + WINDOW);
export const checksum = (v: DataView, at: number): number => v.getUint16(at + CHECKSUM);
export const urgent = (v: DataView, at: number): number => v.getUint16(at + URGENT);

/** Setters leave the checksum alone: adjust it by {@link adjustChecksum16}, or fill it in. */
export const setSrcPort = (v: DataView, at: number, port: number): void => v.setUint16(at + SRC_PORT, port);
export const setDstPort = (v: DataView, at: number, port: number): void => v.setUint16(at + DST_PORT, port);
export const setSeq = (v: DataView, at: number, value: number): void => v.setUint32(at + SEQ, value);
export const setAck = (v: DataView, at: number, value: number): void => v.setUint32(at + ACK_SEQ, value);
export const setHeaderLength = (v: DataView, at: number, bytes: number): void =>
  v.setUint8(at + OFFSET, (bytes << 2) | reserved(v, at));
export const setFlags = (v: DataView, at: number, value: number): void => v.setUint8(at + FLAGS, value);
export const setWindow = (v: DataView, at: number, value: number): void => v.setUint16(at + WINDOW, value);
export const setChecksum = (v: DataView, at: number, value: number): void => v.setUint16(at + CHECKSUM, value);
export const setUrgent = (v: DataView, at: number, value: number): void => v.setUint16(at + URGENT, value);

/** Compute and write the checksum; `pseudo` is the sum of the pseudo header. */
export function fillChecksum(v: DataView, at: number, end: number, pseudo: number): void {
  setChecksum(v, at, 0);
  setChecksum(v, at, sum.finish(sum.add(v, at, end, pseudo)));
}

/** Correct the checksum for a field that changes from `from` to `to` (an address of the pseudo header, a port, flags). */
export const adjustChecksum16 = (v: DataView, at: number, from: number, to: number): void =>
  setChecksum(v, at, sum.replace32(checksum(v, at), from, to));
export const adjustChecksum32 = (v: DataView, at: number, from: number, to: number): void =>
  setChecksum(v, at, sum.replace32(checksum(v, at), from, to));

export interface Tcp {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly seq: number;
  readonly ack: number;
  /** 0..15, see {@link reserved}. */
  readonly reserved: number;
  readonly flags: number;
  readonly window: number;
  readonly checksum: number;
  readonly urgent: number;
  /** As they stand, padded to a multiple of four bytes: see tcp-options.ts. */
  readonly options: Uint8Array;
}

/** 0, or why [at, end) holds no header. Runs per packet. */
export function check(v: DataView, at: number, end: number): number {
  if (end - at < HEADER_LEN) return PKT_TOO_SMALL;
  const length = headerLength(v, at);
  return length < HEADER_LEN || length > end - at ? PKT_TOO_SMALL : 0;
}

/** Read a header from bytes [at, end). @throws {PacketError} if it is cut short or its length lies. */
export function parse(v: DataView, at: number, end: number): Tcp {
  if (end - at < HEADER_LEN) throw new PacketError('tcp', `${end - at} bytes, expected at least ${HEADER_LEN}`);
  if (check(v, at, end) !== 0) throw new PacketError('tcp', `header of ${headerLength(v, at)} in ${end - at} bytes`);
  return {
    srcPort: srcPort(v, at),
    dstPort: dstPort(v, at),
    seq: seq(v, at),
    ack: ack(v, at),
    reserved: reserved(v, at),
    flags: flags(v, at),
    window: window(v, at),
    checksum: checksum(v, at),
    urgent: urgent(v, at),
    options: new Uint8Array(v.buffer, v.byteOffset + at + HEADER_LEN, headerLength(v, at) - HEADER_LEN).slice(),
  };
}

/** Write a header at `at`. Inverse of {@link parse}. @throws {PacketError} if the options are not 0..40 bytes in fours. */
export function emit(tcp: Tcp, v: DataView, at: number): void {
  if (tcp.options.length > 40 || tcp.options.length % 4 !== 0)
    throw new PacketError('tcp', `${tcp.options.length} bytes of options`);
  setSrcPort(v, at, tcp.srcPort);
  setDstPort(v, at, tcp.dstPort);
  setSeq(v, at, tcp.seq);
  setAck(v, at, tcp.ack);
  v.setUint8(at + OFFSET, ((HEADER_LEN + tcp.options.length) << 2) | tcp.reserved);
  setFlags(v, at, tcp.flags);
  setWindow(v, at, tcp.window);
  setChecksum(v, at, tcp.checksum);
  setUrgent(v, at, tcp.urgent);
  new Uint8Array(v.buffer, v.byteOffset).set(tcp.options, at + HEADER_LEN);
}
