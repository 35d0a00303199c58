/** ICMP header, RFC 792 and later (include/uapi/linux/icmp.h). `at` is the header's first byte. @module */
import * as sum from './checksum.ts';
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const INFO = 4;
export const HEADER_LEN = 8;

/** Types. */
export const ECHOREPLY = 0;
export const DEST_UNREACH = 3;
export const SOURCE_QUENCH = 4;
export const REDIRECT = 5;
export const ECHO = 8;
export const ROUTER_ADVERTISEMENT = 9;
export const ROUTER_SOLICITATION = 10;
export const TIME_EXCEEDED = 11;
export const PARAMETERPROB = 12;
export const TIMESTAMP = 13;
export const TIMESTAMPREPLY = 14;
export const INFO_REQUEST = 15;
export const INFO_REPLY = 16;
export const ADDRESS = 17;
export const ADDRESSREPLY = 18;
export const EXT_ECHO = 42;
export const EXT_ECHOREPLY = 43;
/** The highest type that Linux knows; what lies above it is ignored, but for the extended echo. */
export const NR_ICMP_TYPES = 18;

/** Codes of DEST_UNREACH. */
export const NET_UNREACH = 0;
export const HOST_UNREACH = 1;
export const PROT_UNREACH = 2;
export const PORT_UNREACH = 3;
export const FRAG_NEEDED = 4;
export const SR_FAILED = 5;
export const NET_UNKNOWN = 6;
export const HOST_UNKNOWN = 7;
export const HOST_ISOLATED = 8;
export const NET_ANO = 9;
export const HOST_ANO = 10;
export const NET_UNR_TOS = 11;
export const HOST_UNR_TOS = 12;
export const PKT_FILTERED = 13;
export const PREC_VIOLATION = 14;
export const PREC_CUTOFF = 15;

/** Codes of REDIRECT. */
export const REDIR_NET = 0;
export const REDIR_HOST = 1;
export const REDIR_NETTOS = 2;
export const REDIR_HOSTTOS = 3;

/** Codes of TIME_EXCEEDED. */
export const EXC_TTL = 0;
export const EXC_FRAGTIME = 1;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');

/** Type sets as bits by type, 0..31. */
const ERRORS =
  (1 << DEST_UNREACH) | (1 << SOURCE_QUENCH) | (1 << REDIRECT) | (1 << TIME_EXCEEDED) | (1 << PARAMETERPROB);
const REQUESTS = (1 << ECHO) | (1 << TIMESTAMP) | (1 << INFO_REQUEST) | (1 << ADDRESS);
const REPLIES = (1 << ECHOREPLY) | (1 << TIMESTAMPREPLY) | (1 << INFO_REPLY) | (1 << ADDRESSREPLY);

/** An error: it quotes, after eight bytes, the packet that it is about. */
export const isError = (type: number): boolean => type < 32 && ((ERRORS >>> type) & 1) !== 0;
/** A request that opens a connection (nf_conntrack_proto_icmp.c: valid_new). */
export const isRequest = (type: number): boolean => type < 32 && ((REQUESTS >>> type) & 1) !== 0;
/** A request or a reply: it has an id and a sequence number. */
export const isQuery = (type: number): boolean => type < 32 && (((REQUESTS | REPLIES) >>> type) & 1) !== 0;
/** The type that answers a query type, or that it answers (nf_conntrack_proto_icmp.c: invmap); -1 for any other type. */
export function inverse(type: number): number {
  if (!isQuery(type)) return -1;
  if (type === ECHO) return ECHOREPLY;
  if (type === ECHOREPLY) return ECHO;
  return isRequest(type) ? type + 1 : type - 1;
}

export const type = (v: DataView, at: number): number => v.getUint8(at + TYPE);
export const code = (v: DataView, at: number): number => v.getUint8(at + CODE);
export const checksum = (v: DataView, at: number): number => v.getUint16(at + CHECKSUM);
/** The second word, whatever it means for the type (uint32). */
export const info = (v: DataView, at: number): number => v.getUint32(at + INFO);
/** Of a query. */
export const id = (v: DataView, at: number): number => v.getUint16(at + INFO);
export const sequence = (v: DataView, at: number): number => v.getUint16(at + INFO + 2);
/** Of a redirect: int32. */
export const gateway = (v: DataView, at: number): number => v.getInt32(at + INFO);
/** Of a FRAG_NEEDED: bytes of IP packet that would fit, 0 if the router did not say. */
export const mtu = (v: DataView, at: number): number => v.getUint16(at + INFO + 2);
/** Of a parameter problem: offset of the bad byte in the quoted packet. */
export const pointer = (v: DataView, at: number): number => v.getUint8(at + INFO);

export const setType = (v: DataView, at: number, value: number): void => v.setUint8(at + TYPE, value);
export const setCode = (v: DataView, at: number, value: number): void => v.setUint8(at + CODE, value);
export const setChecksum = (v: DataView, at: number, value: number): void => v.setUint16(at + CHECKSUM, value);
export const setInfo = (v: DataView, at: number, value: number): void => v.setUint32(at + INFO, value);
export const setId = (v: DataView, at: number, value: number): void => v.setUint16(at + INFO, value);
export const setSequence = (v: DataView, at: number, value: number): void => v.setUint16(at + INFO + 2, value);

/** Compute and write the checksum of the message [at, end). */
export function fillChecksum(v: DataView, at: number, end: number): void {
  setChecksum(v, at, 0);
  setChecksum(v, at, sum.checksum(v, at, end));
}

/** Correct the checksum for a field that changes from `from` to `to`. */
export const adjustChecksum16 = (v: DataView, at: number, from: number, to: number): void =>
  setChecksum(v, at, sum.replace32(checksum(v, at), from, to));

export interface Icmp {
  readonly type: number;
  readonly code: number;
  readonly checksum: number;
  /** The second word: id and sequence, gateway, MTU or pointer. */
  readonly info: number;
}

/** 0, or why [at, end) holds no header. Runs per packet. */
export const check = (_v: DataView, at: number, end: number): number => (end - at < HEADER_LEN ? PKT_TOO_SMALL : 0);

/** Read a header from bytes [at, end). @throws {PacketError} if it is cut short. */
export function parse(v: DataView, at: number, end: number): Icmp {
  if (check(v, at, end) !== 0) throw new PacketError('icmp', `${end - at} bytes, expected at least ${HEADER_LEN}`);
  return { type: type(v, at), code: code(v, at), checksum: checksum(v, at), info: info(v, at) };
}

/** Write a header at `at`. Inverse of {@link parse}. */
export function emit(icmp: Icmp, v: DataView, at: number): void {
  setType(v, at, icmp.type);
  setCode(v, at, icmp.code);
  setChecksum(v, at, icmp.checksum);
  setInfo(v, at, icmp.info);
}
