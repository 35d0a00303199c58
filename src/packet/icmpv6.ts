/**
 * ICMPv6 header, RFC 4443 (include/uapi/linux/icmpv6.h). Its checksum covers the pseudo header of IPv6. Messages of
 * neighbour discovery are in nd.ts. `at` is the header's first byte. @module
 */
import * as sum from './checksum.ts';
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const INFO = 4;
export const HEADER_LEN = 8;

/** Types. */
export const DEST_UNREACH = 1;
export const PKT_TOOBIG = 2;
export const TIME_EXCEED = 3;
export const PARAMPROB = 4;
export const ECHO_REQUEST = 128;
export const ECHO_REPLY = 129;
export const MGM_QUERY = 130;
export const MGM_REPORT = 131;
export const MGM_REDUCTION = 132;
export const ROUTER_SOLICITATION = 133;
export const ROUTER_ADVERTISEMENT = 134;
export const NEIGHBOUR_SOLICITATION = 135;
export const NEIGHBOUR_ADVERTISEMENT = 136;
export const REDIRECT = 137;
export const NI_QUERY = 139;
export const NI_REPLY = 140;
export const MLD2_REPORT = 143;

/** Codes of DEST_UNREACH. */
export const NOROUTE = 0;
export const ADM_PROHIBITED = 1;
export const NOT_NEIGHBOUR = 2;
export const ADDR_UNREACH = 3;
export const PORT_UNREACH = 4;
export const POLICY_FAIL = 5;
export const REJECT_ROUTE = 6;

/** Codes of TIME_EXCEED. */
export const EXC_HOPLIMIT = 0;
export const EXC_FRAGTIME = 1;

/** Codes of PARAMPROB. */
export const HDR_FIELD = 0;
export const UNK_NEXTHDR = 1;
export const UNK_OPTION = 2;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');

/** An error: it quotes, after eight bytes, the packet that it is about. */
export const isError = (type: number): boolean => type < 128;
/** A request that opens a connection (nf_conntrack_proto_icmpv6.c: valid_new). */
export const isRequest = (type: number): boolean => type === ECHO_REQUEST || type === NI_QUERY;
/** The type that answers a query type, or that it answers (invmap of the same file); -1 for any other type. */
export function inverse(type: number): number {
  if (type === ECHO_REQUEST || type === NI_QUERY) return type + 1;
  return type === ECHO_REPLY || type === NI_REPLY ? type - 1 : -1;
}
/** Conntrack lets these pass untracked (noct_valid_new): multicast listeners and neighbour discovery. */
export const isNeverTracked = (type: number): boolean =>
  (type >= MGM_QUERY && type <= NEIGHBOUR_ADVERTISEMENT) || type === MLD2_REPORT;

export const type = (v: DataView, at: number): number => v.getUint8(at + TYPE);
export const code = (v: DataView, at: number): number => v.getUint8(at + CODE);
export const checksum = (v: DataView, at: number): number => v.getUint16(at + CHECKSUM);
/** The second word, whatever it means for the type (uint32): MTU of PKT_TOOBIG, pointer of PARAMPROB. */
export const info = (v: DataView, at: number): number => v.getUint32(at + INFO);
/** Of an echo. */
export const id = (v: DataView, at: number): number => v.getUint16(at + INFO);
export const sequence = (v: DataView, at: number): number => v.getUint16(at + INFO + 2);

export const setType = (v: DataView, at: number, value: number): void => v.setUint8(at + TYPE, value);
export const setCode = (v: DataView, at: number, value: number): void => v.setUint8(at + CODE, value);
export const setChecksum = (v: DataView, at: number, value: number): void => v.setUint16(at + CHECKSUM, value);
export const setInfo = (v: DataView, at: number, value: number): void => v.setUint32(at + INFO, value);
export const setId = (v: DataView, at: number, value: number): void => v.setUint16(at + INFO, value);

/** Compute and write the checksum; `pseudo` is the sum of the pseudo header (ipv6.pseudo with protocol 58). */
export function fillChecksum(v: DataView, at: number, end: number, pseudo: number): void {
  setChecksum(v, at, 0);
  setChecksum(v, at, sum.finish(sum.add(v, at, end, pseudo)));
}

/** Correct the checksum for a field that changes from `from` to `to` (a word of an address, an id). */
export const adjustChecksum16 = (v: DataView, at: number, from: number, to: number): void =>
  setChecksum(v, at, sum.replace32(checksum(v, at), from, to));
export const adjustChecksum32 = (v: DataView, at: number, from: number, to: number): void =>
  setChecksum(v, at, sum.replace32(checksum(v, at), from, to));

export interface Icmpv6 {
  readonly type: number;
  readonly code: number;
  readonly checksum: number;
  /** The second word: id and sequence, MTU or pointer. */
  readonly info: number;
}

/** 0, or why [at, end) holds no header. Runs per packet. */
export const check = (_v: DataView, at: number, end: number): number => (end - at < HEADER_LEN ? PKT_TOO_SMALL : 0);

/** Read a header from bytes [at, end). @throws {PacketError} if it is cut short. */
export function parse(v: DataView, at: number, end: number): Icmpv6 {
  if (check(v, at, end) !== 0) throw new PacketError('icmpv6', `${end - at} bytes, expected at least ${HEADER_LEN}`);
  return { type: type(v, at), code: code(v, at), checksum: checksum(v, at), info: info(v, at) };
}

/** Write a header at `at`. Inverse of {@link parse}. */
export function emit(icmp: Icmpv6, v: DataView, at: number): void {
  setType(v, at, icmp.type);
  setCode(v, at, icmp.code);
  setChecksum(v, at, icmp.checksum);
  setInfo(v, at, icmp.info);
}
