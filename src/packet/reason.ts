/**
 * Why a packet died: enum skb_drop_reason, include/net/dropreason-core.h. A reason is a number on the data path and the
 * kernel's name (without SKB_DROP_REASON_) everywhere else. @module
 */

const NAMES = [
  'NOT_DROPPED_YET',
  'CONSUMED',
  'NOT_SPECIFIED',
  'NO_SOCKET',
  'SOCKET_FILTER',
  'PKT_TOO_SMALL',
  'TCP_CSUM',
  'UDP_CSUM',
  'NETFILTER_DROP',
  'OTHERHOST',
  'IP_CSUM',
  'IP_INHDR',
  'IP_RPFILTER',
  'UNICAST_IN_L2_MULTICAST',
  'XFRM_POLICY',
  'IP_NOPROTO',
  'ICMP_CSUM',
  'INVALID_PROTO',
  'IP_INADDRERRORS',
  'IP_INNOROUTES',
  'IP_LOCAL_SOURCE',
  'IP_INVALID_SOURCE',
  'IP_LOCALNET',
  'IP_INVALID_DEST',
  'PKT_TOO_BIG',
  'DUP_FRAG',
  'FRAG_REASM_TIMEOUT',
  'FRAG_TOO_FAR',
  'NEIGH_CREATEFAIL',
  'NEIGH_FAILED',
  'NEIGH_QUEUEFULL',
  'NEIGH_DEAD',
  'UNHANDLED_PROTO',
  'DEV_READY',
  'DEV_HDR',
  'NOMEM',
  'HDR_TRUNC',
  'FULL_RING',
  'IP_OUTNOROUTES',
  'IP_MC_FORWARD',
  'VXLAN_INVALID_HDR',
  'VXLAN_VNI_NOT_FOUND',
  'VXLAN_NO_REMOTE',
  'VXLAN_ENTRY_EXISTS',
  'LOCAL_MAC',
  'MAC_INVALID_SOURCE',
  'BRIDGE_INGRESS_STP_STATE',
  'BRIDGE_NON_FORWARDING_STATE',
  'BRIDGE_NO_EGRESS_PORT',
  'TUNNEL_TXINFO',
  'ARP_PVLAN_DISABLE',
  'IPV6DISABLED',
  'IPV6_BAD_EXTHDR',
  'IPV6_NDISC_BAD_OPTIONS',
  'IPV6_NDISC_NS_OTHERHOST',
  'ICMPV6_CSUM',
  'TTL_EXPIRED',
  'NETFILTER_INVALID',
] as const;

export type ReasonName = (typeof NAMES)[number];

/** How many reasons there are: the size of a table of counters. */
export const REASONS: number = NAMES.length;

const codes = Object.fromEntries(NAMES.map((name, code) => [name, code])) as Record<ReasonName, number>;

/** The number of a name. Read it once, into a module constant: `const IP_CSUM = reason('IP_CSUM')`. */
export const reason = (name: ReasonName): number => codes[name];

/** The name of a number. */
export const reasonName = (code: number): ReasonName => NAMES[code] ?? 'NOT_SPECIFIED';
