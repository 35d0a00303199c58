/**
 * States of an SCTP association and how chunks move it: enum sctp_conntrack and the sctp_conntracks table,
 * net/netfilter/nf_conntrack_proto_sctp.c. @module
 */
import * as sctp from '../packet/sctp.ts';

export const NONE = 0;
export const CLOSED = 1;
export const COOKIE_WAIT = 2;
export const COOKIE_ECHOED = 3;
export const ESTABLISHED = 4;
export const SHUTDOWN_SENT = 5;
export const SHUTDOWN_RECD = 6;
export const SHUTDOWN_ACK_SENT = 7;
export const HEARTBEAT_SENT = 8;
/** Not a state: the chunk is invalid. */
export const MAX = 9;

export const NAMES: readonly string[] = [
  'NONE',
  'CLOSED',
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'ESTABLISHED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
  'HEARTBEAT_SENT',
];

const [sCL, sCW, sCE, sES, sSS, sSR, sSA, sHS, sIV] = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

/** New state by direction, kind of chunk and old state. */
// biome-ignore format: a table
const TRANSITIONS = Uint8Array.of(
  // original         sNO, sCL, sCW, sCE, sES, sSS, sSR, sSA, sHS
  /* init */          sCL, sCL, sCW, sCE, sES, sCL, sCL, sSA, sCW,
  /* init_ack */      sCL, sCL, sCW, sCE, sES, sSS, sSR, sSA, sCL,
  /* abort */         sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sCL,
  /* shutdown */      sCL, sCL, sCW, sCE, sSS, sSS, sSR, sSA, sCL,
  /* shutdown_ack */  sSA, sCL, sCW, sCE, sES, sSA, sSA, sSA, sSA,
  /* error */         sCL, sCL, sCW, sCE, sES, sSS, sSR, sSA, sCL,
  /* cookie_echo */   sCL, sCL, sCE, sCE, sES, sSS, sSR, sSA, sCL,
  /* cookie_ack */    sCL, sCL, sCW, sES, sES, sSS, sSR, sSA, sCL,
  /* shutdown_comp */ sCL, sCL, sCW, sCE, sES, sSS, sSR, sCL, sCL,
  /* heartbeat */     sHS, sCL, sCW, sCE, sES, sSS, sSR, sSA, sHS,
  /* heartbeat_ack */ sCL, sCL, sCW, sCE, sES, sSS, sSR, sSA, sHS,
  // reply            sNO, sCL, sCW, sCE, sES, sSS, sSR, sSA, sHS
  /* init */          sIV, sCL, sCW, sCE, sES, sSS, sSR, sSA, sIV,
  /* init_ack */      sIV, sCW, sCW, sCE, sES, sSS, sSR, sSA, sIV,
  /* abort */         sIV, sCL, sCL, sCL, sCL, sCL, sCL, sCL, sIV,
  /* shutdown */      sIV, sCL, sCW, sCE, sSR, sSS, sSR, sSA, sIV,
  /* shutdown_ack */  sIV, sCL, sCW, sCE, sES, sSA, sSA, sSA, sIV,
  /* error */         sIV, sCL, sCW, sCL, sES, sSS, sSR, sSA, sIV,
  /* cookie_echo */   sIV, sCL, sCE, sCE, sES, sSS, sSR, sSA, sIV,
  /* cookie_ack */    sIV, sCL, sCW, sES, sES, sSS, sSR, sSA, sIV,
  /* shutdown_comp */ sIV, sCL, sCW, sCE, sES, sSS, sSR, sCL, sIV,
  /* heartbeat */     sIV, sCL, sCW, sCE, sES, sSS, sSR, sSA, sHS,
  /* heartbeat_ack */ sIV, sCL, sCW, sCE, sES, sSS, sSR, sSA, sES,
);

const KINDS = [
  sctp.INIT,
  sctp.INIT_ACK,
  sctp.ABORT,
  sctp.SHUTDOWN,
  sctp.SHUTDOWN_ACK,
  sctp.ERROR,
  sctp.COOKIE_ECHO,
  sctp.COOKIE_ACK,
  sctp.SHUTDOWN_COMPLETE,
  sctp.HEARTBEAT,
  sctp.HEARTBEAT_ACK,
] as const;

/** Row of the table by chunk type; 255 for chunks that change nothing (DATA, SACK). */
const KIND_OF = new Uint8Array(256).fill(255);
KINDS.forEach((type, kind) => {
  KIND_OF[type] = kind;
});

/** The state that a chunk leads to; MAX when it is invalid. */
export function transition(direction: number, chunkType: number, state: number): number {
  const kind = KIND_OF[chunkType]!;
  return kind === 255 ? state : TRANSITIONS[(direction * KINDS.length + kind) * 9 + state]!;
}
