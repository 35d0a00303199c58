/** What a line of the kernel's log shows of a packet. @module */
import type { Packet } from '../packet/packet.ts';

/** Flags, include/uapi/linux/netfilter/nf_log.h. */
export const LOG_TCPSEQ = 1;
export const LOG_TCPOPT = 2;
export const LOG_IPOPT = 4;
export const LOG_UID = 8;
export const LOG_MACDECODE = 32;
/** NF_LOG_DEFAULT_MASK: what the kernel's own messages show. */
export const LOG_DEFAULT: number = LOG_TCPSEQ | LOG_TCPOPT | LOG_IPOPT | LOG_UID;

/** What is logged of which packet, and where it is. */
export interface Logged {
  readonly pkt: Packet;
  readonly flags: number;
  /** Bytes of the IP packet: skb->len. */
  readonly end: number;
}
