/** UDP over IPv6 for this host: __udp6_lib_rcv, net/ipv6/udp.c. Nobody is bound: what comes is answered. @module */
import * as sum from '../packet/checksum.ts';
import * as icmpv6 from '../packet/icmpv6.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import { FLAG_CSUM_OK, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as udp from '../packet/udp.ts';
import { isMulticast } from './in6.ts';
import type { Ipv6 } from './ip6.ts';

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const NO_SOCKET = reason('NO_SOCKET');
const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const UDP_CSUM = reason('UDP_CSUM');

/** Takes the packet; `pkt.l4` at the UDP (or UDP-Lite) header. */
export function udp6Receive(ip6: Ipv6, pkt: Packet, protocol: number): void {
  ip6.ns.drop(pkt, handle(ip6, pkt, protocol));
}

function handle(ip6: Ipv6, pkt: Packet, protocol: number): number {
  const { view, l3, l4 } = pkt;
  const why = checkLength(pkt, protocol);
  if (why !== 0) return why;
  if (isMulticast(ipv6.dstWord(view, l3, 0))) return NOT_SPECIFIED;
  // Over IPv6 a checksum must be there; who has no socket does not even complain.
  if (udp.checksum(view, l4) === 0) return protocol === ipv4.UDP ? NO_SOCKET : UDP_CSUM;
  if (!checksumIsRight(pkt, protocol)) return UDP_CSUM;
  ip6.icmp.send(pkt, icmpv6.DEST_UNREACH, icmpv6.PORT_UNREACH, 0);
  return NO_SOCKET;
}

/** The datagram is what the length field says; more is cut off. @returns 0 or the reason to drop */
function checkLength(pkt: Packet, protocol: number): number {
  const { view, l4, end } = pkt;
  if (end - l4 < udp.HEADER_LEN) return NOT_SPECIFIED;
  const field = udp.length(view, l4);
  if (field > end - l4) return PKT_TOO_SMALL;
  if (protocol === ipv4.UDPLITE) return field !== 0 && field < udp.HEADER_LEN ? UDP_CSUM : 0;
  const length = field || end - l4;
  if (length < udp.HEADER_LEN) return PKT_TOO_SMALL;
  pkt.end = l4 + length;
  return 0;
}

function checksumIsRight({ view, l3, l4, end, flags }: Packet, protocol: number): boolean {
  if ((flags & FLAG_CSUM_OK) !== 0) return true;
  const covered = protocol === ipv4.UDPLITE ? udp.length(view, l4) || end - l4 : end - l4;
  return sum.fold(sum.add(view, l4, l4 + covered, ipv6.pseudo(view, l3, protocol, end - l4))) === 0xffff;
}
