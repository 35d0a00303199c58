/** What a packet says of the parts of an element: net/netfilter/ipset/ip_set_getport.c, ip4addrptr and their like. @module */

import * as ethernet from '../packet/ethernet.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import * as ext from '../packet/ipv6-ext.ts';
import type { Packet } from '../packet/packet.ts';
import type { Element } from './element.ts';

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;
const SCTP = 132;
const UDPLITE = 136;

/** Has the protocol ports (or an ICMP type and code in their place)? */
export const hasPorts = (protocol: number): boolean =>
  protocol === TCP || protocol === UDP || protocol === SCTP || protocol === UDPLITE;

const found = new ext.Found();

/** Put the source or destination address at `at` of the element's. Runs per packet: no allocation. */
export function readAddress({ view, l3 }: Packet, words: number, source: boolean, e: Element, at: number): void {
  if (words === 1) {
    e.address[at] = source ? ipv4.src(view, l3) : ipv4.dst(view, l3);
    return;
  }
  for (let i = 0; i < words; i++) e.address[at + i] = view.getInt32(l3 + (source ? ipv6.SRC : ipv6.DST) + 4 * i);
}

/** Put protocol and port into the element; false when the packet has none. Runs per packet: no allocation. */
export function readPort(pkt: Packet, inet6: boolean, source: boolean, e: Element): boolean {
  const { view, l3, end } = pkt;
  if (inet6) {
    if (!ext.skip(view, l3 + ipv6.HEADER_LEN, end, ipv6.nextHeader(view, l3), found) || found.fragmentOffset !== 0)
      return false;
    return readPortAt(pkt, found.protocol, found.at, source, e);
  }
  const protocol = ipv4.protocol(view, l3);
  if (protocol === 0) return false;
  if (ipv4.fragmentOffset(view, l3) === 0)
    return readPortAt(pkt, protocol, l3 + ipv4.headerLength(view, l3), source, e);
  e.protocol = protocol;
  return protocol !== ICMP && !hasPorts(protocol);
}

function readPortAt({ view, end }: Packet, protocol: number, at: number, source: boolean, e: Element): boolean {
  e.protocol = protocol;
  if (protocol === ICMP || protocol === ICMPV6) {
    if (at + 8 > end) return false;
    e.port = view.getUint16(at);
    return true;
  }
  if (!hasPorts(protocol)) return true;
  if (at + transportLength(protocol) > end) return false;
  e.port = view.getUint16(source ? at : at + 2);
  return true;
}

const transportLength = (protocol: number): number => (protocol === TCP ? 20 : protocol === SCTP ? 12 : 8);

/** Put the frame's source or destination address into the element; false when there is no frame, or it is zero. */
export function readMac({ view, l2, l3 }: Packet, source: boolean, e: Element): boolean {
  if (l2 < 0 || l2 + ethernet.HEADER_LEN > l3) return false;
  e.macHigh = source ? ethernet.srcHigh(view, l2) : ethernet.dstHigh(view, l2);
  e.macLow = source ? ethernet.srcLow(view, l2) : ethernet.dstLow(view, l2);
  return e.macHigh !== 0 || e.macLow !== 0;
}
