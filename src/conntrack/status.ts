/**
 * How a packet relates to its connection, and what is known of a connection: enum ip_conntrack_info, ip_conntrack_dir and
 * ip_conntrack_status, include/uapi/linux/netfilter/nf_conntrack_common.h. @module
 */

/** Address family of a connection, as iptables names it. */
export type Family = 'ipv4' | 'ipv6';

/** Directions of a connection: as its first packet went, and the other way. */
export const ORIGINAL = 0;
export const REPLY = 1;

/** `Packet.ctInfo`, meaningful when `Packet.ct` is not negative, or when it is IP_CT_UNTRACKED. */
export const IP_CT_ESTABLISHED = 0;
export const IP_CT_RELATED = 1;
export const IP_CT_NEW = 2;
export const IP_CT_IS_REPLY = 3;
export const IP_CT_ESTABLISHED_REPLY = 3;
export const IP_CT_RELATED_REPLY = 4;
export const IP_CT_UNTRACKED = 7;

/** The direction that a ctInfo tells. CTINFO2DIR. */
export const direction = (ctInfo: number): number => (ctInfo >= IP_CT_IS_REPLY ? REPLY : ORIGINAL);

/** Bits of a connection's status. */
export const IPS_EXPECTED: number = 1 << 0;
export const IPS_SEEN_REPLY: number = 1 << 1;
export const IPS_ASSURED: number = 1 << 2;
export const IPS_CONFIRMED: number = 1 << 3;
export const IPS_SRC_NAT: number = 1 << 4;
export const IPS_DST_NAT: number = 1 << 5;
export const IPS_NAT_MASK: number = IPS_SRC_NAT | IPS_DST_NAT;
export const IPS_SEQ_ADJUST: number = 1 << 6;
export const IPS_SRC_NAT_DONE: number = 1 << 7;
export const IPS_DST_NAT_DONE: number = 1 << 8;
export const IPS_NAT_DONE_MASK: number = IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE;
export const IPS_DYING: number = 1 << 9;
export const IPS_FIXED_TIMEOUT: number = 1 << 10;
export const IPS_TEMPLATE: number = 1 << 11;
export const IPS_NAT_CLASH: number = 1 << 12;
export const IPS_HELPER: number = 1 << 13;

/** Not the kernel's: the connection counts packets and bytes (it has the accounting extension). */
export const IPS_ACCOUNTED: number = 1 << 20;

/** What happened to a connection, IPCT_*: bits of an event. */
export const IPCT_NEW: number = 1 << 0;
export const IPCT_DESTROY: number = 1 << 2;
export const IPCT_REPLY: number = 1 << 3;
export const IPCT_ASSURED: number = 1 << 4;
export const IPCT_PROTOINFO: number = 1 << 5;
export const IPCT_MARK: number = 1 << 7;
export const IPCT_LABEL: number = 1 << 10;
/** Where a connection's events wait, in its status, until the packet has passed. */
export const EVENT_SHIFT = 21;

/** Bits of `ctstate`, XT_CONNTRACK_STATE_*, include/uapi/linux/netfilter/xt_conntrack.h. */
export const STATE_INVALID: number = 1 << 0;
export const STATE_ESTABLISHED: number = 1 << 1;
export const STATE_RELATED: number = 1 << 2;
export const STATE_NEW: number = 1 << 3;
export const STATE_SNAT: number = 1 << 6;
export const STATE_DNAT: number = 1 << 7;
export const STATE_UNTRACKED: number = 1 << 8;

/** Directions in which a zone counts, NF_CT_ZONE_DIR_*. */
export const ZONE_DIR_ORIG = 1;
export const ZONE_DIR_REPL = 2;
export const ZONE_DIR_BOTH = 3;

/** What a NAT setup changes: enum nf_nat_manip_type. */
export const MANIP_SRC = 0;
export const MANIP_DST = 1;
