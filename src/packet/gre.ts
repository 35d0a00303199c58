/**
 * GRE header, RFC 2784 and 2890, and PPTP's enhanced one (version 1), RFC 2637 (include/net/gre.h, pptp.h). `at` is the
 * header's first byte. @module
 */
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const FLAGS = 0;
const PROTOCOL = 2;
const OPTIONAL = 4;
export const HEADER_LEN = 4;
/** A version 1 header without its optional numbers. */
export const PPTP_HEADER_LEN = 8;

/** Bits of the flags field. */
export const CSUM = 0x8000;
export const ROUTING = 0x4000;
export const KEY = 0x2000;
export const SEQ = 0x1000;
/** Version 1: an acknowledgement number is present. */
export const ACK = 0x0080;
const VERSION_MASK = 7;
/** Either puts a checksum and an offset into the header. */
const OFFSET = CSUM | ROUTING;

/** Protocols beside the ethertypes: transparent Ethernet, PPP (version 1). */
export const TEB = 0x6558;
export const PPP = 0x880b;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const UNHANDLED_PROTO = reason('UNHANDLED_PROTO');

/** Flags and version as they stand. */
export const flags = (v: DataView, at: number): number => v.getUint16(at + FLAGS);
export const version = (v: DataView, at: number): number => v.getUint16(at + FLAGS) & VERSION_MASK;
/** Ethertype of the payload. */
export const protocol = (v: DataView, at: number): number => v.getUint16(at + PROTOCOL);
/** Header length in bytes, of either version. */
export const headerLength = (v: DataView, at: number): number => lengthOf(v.getUint16(at + FLAGS));
/** Version 0: where the key stands, if the flags say that there is one. */
export const key = (v: DataView, at: number): number => v.getUint32(at + OPTIONAL + (flags(v, at) & OFFSET ? 4 : 0));
export const sequence = (v: DataView, at: number): number => v.getUint32(at + headerLength(v, at) - 4);
/** Version 1: payload bytes, and the peer's call id, which conntrack takes for a port. */
export const payloadLength = (v: DataView, at: number): number => v.getUint16(at + OPTIONAL);
export const callId = (v: DataView, at: number): number => v.getUint16(at + OPTIONAL + 2);

/** Version 0: where the checksum stands, if the flags say that there is one. */
export const setChecksum = (v: DataView, at: number, value: number): void => v.setUint16(at + OPTIONAL, value);
export const setKey = (v: DataView, at: number, value: number): void =>
  v.setUint32(at + OPTIONAL + (flags(v, at) & OFFSET ? 4 : 0), value);
export const setCallId = (v: DataView, at: number, value: number): void => v.setUint16(at + OPTIONAL + 2, value);

/** Header length in bytes that these flags and version make. */
export function lengthOf(bits: number): number {
  if ((bits & VERSION_MASK) === 1) return PPTP_HEADER_LEN + (bits & SEQ ? 4 : 0) + (bits & ACK ? 4 : 0);
  return HEADER_LEN + (bits & OFFSET ? 4 : 0) + (bits & KEY ? 4 : 0) + (bits & SEQ ? 4 : 0);
}

/** A header of either version; fields that are not in `flags` are absent. */
export interface Gre {
  /** Flags and version. */
  readonly flags: number;
  readonly protocol: number;
  /** Version 0, the sum over header and payload. */
  readonly checksum?: number;
  readonly key?: number;
  readonly sequence?: number;
  /** Version 1: payload length, call id, acknowledgement number. */
  readonly payloadLength?: number;
  readonly callId?: number;
  readonly ack?: number;
}

/** 0, or why [at, end) holds no header of version 0 or 1 (gre_parse_header, pptp_rcv). Runs per packet. */
export function check(v: DataView, at: number, end: number): number {
  if (end - at < HEADER_LEN) return PKT_TOO_SMALL;
  const bits = flags(v, at);
  if ((bits & VERSION_MASK) > 1 || (bits & ROUTING) !== 0) return UNHANDLED_PROTO;
  return end - at < lengthOf(bits) ? PKT_TOO_SMALL : 0;
}

/** Read a header from bytes [at, end). @throws {PacketError} if it is cut short, has a routing part or another version. */
export function parse(v: DataView, at: number, end: number): Gre {
  const why = check(v, at, end);
  if (why === UNHANDLED_PROTO) throw new PacketError('gre', `flags and version 0x${flags(v, at).toString(16)}`);
  if (why !== 0) throw new PacketError('gre', `no header in ${end - at} bytes`);
  return version(v, at) === 1 ? parsePptp(v, at) : parse0(v, at);
}

function parse0(v: DataView, at: number): Gre {
  const bits = flags(v, at);
  return {
    flags: bits,
    protocol: protocol(v, at),
    ...(bits & CSUM ? { checksum: v.getUint16(at + OPTIONAL) } : {}),
    ...(bits & KEY ? { key: key(v, at) } : {}),
    ...(bits & SEQ ? { sequence: sequence(v, at) } : {}),
  };
}

function parsePptp(v: DataView, at: number): Gre {
  const bits = flags(v, at);
  return {
    flags: bits,
    protocol: protocol(v, at),
    payloadLength: payloadLength(v, at),
    callId: callId(v, at),
    ...(bits & SEQ ? { sequence: v.getUint32(at + PPTP_HEADER_LEN) } : {}),
    ...(bits & ACK ? { ack: v.getUint32(at + PPTP_HEADER_LEN + (bits & SEQ ? 4 : 0)) } : {}),
  };
}

/** Write a header at `at`, absent fields as zero. Inverse of {@link parse}. Returns its length in bytes. */
export function emit(gre: Gre, v: DataView, at: number): number {
  v.setUint16(at + FLAGS, gre.flags);
  v.setUint16(at + PROTOCOL, gre.protocol);
  let i = at + OPTIONAL;
  const put = (present: number, word: number): void => {
    if (present === 0) return;
    v.setUint32(i, word);
    i += 4;
  };
  if ((gre.flags & VERSION_MASK) === 1) {
    put(1, ((gre.payloadLength ?? 0) << 16) | (gre.callId ?? 0));
    put(gre.flags & SEQ, gre.sequence ?? 0);
    put(gre.flags & ACK, gre.ack ?? 0);
  } else {
    put(gre.flags & CSUM, (gre.checksum ?? 0) << 16);
    put(gre.flags & KEY, gre.key ?? 0);
    put(gre.flags & SEQ, gre.sequence ?? 0);
  }
  return i - at;
}
