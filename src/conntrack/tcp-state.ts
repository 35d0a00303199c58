/**
 * States of a TCP connection and how segments move it: enum tcp_conntrack and the tcp_conntracks table,
 * net/netfilter/nf_conntrack_proto_tcp.c. @module
 */
import { ACK, FIN, RST, SYN } from '../packet/tcp.ts';

export const NONE = 0;
export const SYN_SENT = 1;
export const SYN_RECV = 2;
export const ESTABLISHED = 3;
export const FIN_WAIT = 4;
export const CLOSE_WAIT = 5;
export const LAST_ACK = 6;
export const TIME_WAIT = 7;
export const CLOSE = 8;
/** A SYN from either side: simultaneous open. */
export const SYN_SENT2 = 9;
/** Not states: the segment is invalid; it is let through without a look at the connection. */
export const INVALID = 10;
export const IGNORE = 11;

export const NAMES: readonly string[] = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
];

/** What a segment is, by its flags: enum tcp_bit_set. */
export const SYN_SET = 0;
export const SYNACK_SET = 1;
export const FIN_SET = 2;
export const ACK_SET = 3;
export const RST_SET = 4;
export const NONE_SET = 5;

/** get_conntrack_index. */
export function index(flags: number): number {
  if ((flags & RST) !== 0) return RST_SET;
  if ((flags & SYN) !== 0) return (flags & ACK) !== 0 ? SYNACK_SET : SYN_SET;
  if ((flags & FIN) !== 0) return FIN_SET;
  return (flags & ACK) !== 0 ? ACK_SET : NONE_SET;
}

const [sSS, sSR, sES, sFW, sCW, sLA, sTW, sCL, sS2, sIV, sIG] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] as const;

/** New state by direction, index and old state. */
// biome-ignore format: a table
const TRANSITIONS = Uint8Array.of(
  // original  sNO, sSS, sSR, sES, sFW, sCW, sLA, sTW, sCL, sS2
  /* syn */    sSS, sSS, sIG, sIG, sIG, sIG, sIG, sSS, sSS, sS2,
  /* synack */ sIV, sIV, sSR, sIV, sIV, sIV, sIV, sIV, sIV, sSR,
  /* fin */    sIV, sIV, sFW, sFW, sLA, sLA, sLA, sTW, sCL, sIV,
  /* ack */    sES, sIV, sES, sES, sCW, sCW, sTW, sTW, sCL, sIV,
  /* rst */    sIV, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL,
  /* none */   sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV,
  // reply     sNO, sSS, sSR, sES, sFW, sCW, sLA, sTW, sCL, sS2
  /* syn */    sIV, sS2, sIV, sIV, sIV, sIV, sIV, sSS, sIV, sS2,
  /* synack */ sIV, sSR, sIG, sIG, sIG, sIG, sIG, sIG, sIG, sSR,
  /* fin */    sIV, sIV, sFW, sFW, sLA, sLA, sLA, sTW, sCL, sIV,
  /* ack */    sIV, sIG, sSR, sES, sCW, sCW, sTW, sTW, sCL, sIG,
  /* rst */    sIV, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL,
  /* none */   sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV, sIV,
);

/** The state that a segment leads to, or INVALID or IGNORE. */
export const transition = (direction: number, segment: number, state: number): number =>
  TRANSITIONS[(direction * 6 + segment) * 10 + state]!;
