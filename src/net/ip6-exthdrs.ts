/** Options and routing headers of IPv6: net/ipv6/exthdrs.c. Reasons to drop are returned; 0 goes on. @module */
import * as icmpv6 from '../packet/icmpv6.ts';
import * as ipv6 from '../packet/ipv6.ts';
import * as ext from '../packet/ipv6-ext.ts';
import { PACKET_HOST, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { isMulticast } from './in6.ts';
import type { Ipv6 } from './ip6.ts';

/**
 * `pkt.options` of an IPv6 packet holds two places, from `l3` on: of the last next-header field (IP6CB's nhoff), and above
 * it of the header that the field names, which hooks do not move as they do `l4`.
 */
export const setPlaces = (pkt: Packet, field: number, header: number): void => {
  pkt.options = field | (header << 16);
};
export const nextHeaderPlace = (pkt: Packet): number => pkt.options & 0xffff;
export const headerPlace = (pkt: Packet): number => pkt.options >>> 16;

/** Bits of `pkt.optionFlags`: IP6SKB_*. */
export const IP6_ROUTERALERT = 1;
export const IP6_FRAGMENTED = 2;
/** A routing header was passed (opt->srcrt). */
export const IP6_SRCRT = 4;

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const IP_INHDR = reason('IP_INHDR');
const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const UNHANDLED_PROTO = reason('UNHANDLED_PROTO');

const PAD1 = 0;
const PADN = 1;
const ROUTER_ALERT = 5;
const JUMBO = 0xc2;
const MAX_PADDING = 7;
const MAX_PLAIN = 0xffff;
const RPL = 3;
const SEGMENT_ROUTING = 4;

/** The length of the option header at `at`, 0 when the packet ends before it. */
function wholeLength({ view, end }: Packet, at: number): number {
  if (at + 8 > end) return 0;
  const length = (view.getUint8(at + 1) + 1) << 3;
  return at + length > end ? 0 : length;
}

/** ipv6_parse_hopopts: `pkt.l4` goes behind the header, which is the first one. @returns 0 or why it is dropped */
export function parseHopByHop(ip6: Ipv6, pkt: Packet): number {
  const length = wholeLength(pkt, pkt.l4);
  if (length === 0) return NOT_SPECIFIED;
  const why = parseTlv(ip6, pkt, true, ip6.maxHopOptions);
  if (why !== 0) return why;
  setPlaces(pkt, ipv6.HEADER_LEN, ipv6.HEADER_LEN + length);
  pkt.l4 += length;
  return 0;
}

/** ipv6_destopt_rcv. */
export function parseDestination(ip6: Ipv6, pkt: Packet): number {
  const length = wholeLength(pkt, pkt.l4);
  if (length === 0) return NOT_SPECIFIED;
  const why = parseTlv(ip6, pkt, false, ip6.maxDestinationOptions);
  if (why !== 0) return why;
  setPlaces(pkt, pkt.l4 - pkt.l3, pkt.l4 - pkt.l3 + length);
  pkt.l4 += length;
  return 0;
}

/** ip6_parse_tlv. */
function parseTlv(ip6: Ipv6, pkt: Packet, hopByHop: boolean, limit: number): number {
  const { view, l3, l4 } = pkt;
  const end = l4 + ((view.getUint8(l4 + 1) + 1) << 3);
  let padding = 0;
  let count = 0;
  let length = 0;
  for (let at = l4 + 2; at < end; at += length) {
    const kind = view.getUint8(at);
    length = 1;
    if (kind === PAD1) {
      if (++padding > MAX_PADDING) return IP_INHDR;
      continue;
    }
    if (at + 2 > end) return IP_INHDR;
    length = view.getUint8(at + 1) + 2;
    if (at + length > end) return IP_INHDR;
    if (kind === PADN) {
      padding += length;
      if (padding > MAX_PADDING || !isZero(view, at + 2, at + length)) return IP_INHDR;
      continue;
    }
    padding = 0;
    if (++count > Math.abs(limit)) return IP_INHDR;
    const why =
      hopByHop && kind === ROUTER_ALERT ? routerAlert(pkt, at) : known(ip6, pkt, at, kind, hopByHop, limit < 0);
    if (why !== 0) return why;
    if (pkt.l3 !== l3) return NOT_SPECIFIED;
  }
  return 0;
}

function isZero(view: DataView, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (view.getUint8(i) !== 0) return false;
  return true;
}

/** ipv6_hop_ra. */
function routerAlert(pkt: Packet, at: number): number {
  if (pkt.view.getUint8(at + 1) !== 2) return IP_INHDR;
  pkt.optionFlags |= IP6_ROUTERALERT;
  return 0;
}

function known(ip6: Ipv6, pkt: Packet, at: number, kind: number, hopByHop: boolean, strict: boolean): number {
  if (hopByHop && kind === JUMBO) return jumbo(ip6, pkt, at);
  return strict ? UNHANDLED_PROTO : unknown(ip6, pkt, at, kind);
}

/** ipv6_hop_jumbo: no link here carries one, so all are wrong in some way. */
function jumbo(ip6: Ipv6, pkt: Packet, at: number): number {
  const { view, l3, end } = pkt;
  if (view.getUint8(at + 1) !== 4 || ((at - l3) & 3) !== 2) return IP_INHDR;
  const length = view.getUint32(at + 2);
  if (length <= MAX_PLAIN) ip6.icmp.parameterProblem(pkt, icmpv6.HDR_FIELD, at + 2 - l3);
  else if (ipv6.payloadLength(view, l3) !== 0) ip6.icmp.parameterProblem(pkt, icmpv6.HDR_FIELD, at - l3);
  else if (length > end - l3 - ipv6.HEADER_LEN) return PKT_TOO_SMALL;
  else return 0;
  return IP_INHDR;
}

/** ip6_tlvopt_unknown: the two upper bits of an option say what to do with who does not know it. */
function unknown(ip6: Ipv6, pkt: Packet, at: number, kind: number): number {
  const action = kind >>> 6;
  if (action === 0) return 0;
  const multicast = isMulticast(ipv6.dstWord(pkt.view, pkt.l3, 0));
  if (action === 2 || (action === 3 && !multicast)) {
    ip6.icmp.parameterProblem(pkt, icmpv6.UNK_OPTION, at - pkt.l3);
  }
  return UNHANDLED_PROTO;
}

/** ipv6_rthdr_rcv: nobody here routes by source; a header without segments left is passed. */
export function receiveRouting(ip6: Ipv6, pkt: Packet): number {
  const length = wholeLength(pkt, pkt.l4);
  const { view, l3, l4 } = pkt;
  if (length === 0 || isMulticast(ipv6.dstWord(view, l3, 0)) || pkt.pktType !== PACKET_HOST) return NOT_SPECIFIED;
  const type = ext.routingType(view, l4);
  if (type === SEGMENT_ROUTING || type === RPL) return NOT_SPECIFIED;
  if (ext.segmentsLeft(view, l4) !== 0) {
    ip6.icmp.parameterProblem(pkt, icmpv6.HDR_FIELD, l4 + 2 - l3);
    return NOT_SPECIFIED;
  }
  pkt.optionFlags |= IP6_SRCRT;
  setPlaces(pkt, l4 - l3, l4 - l3 + length);
  pkt.l4 += length;
  return 0;
}
