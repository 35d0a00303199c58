/** UDP for this host: __udp4_lib_rcv, net/ipv4/udp.c. Sockets take and say nothing; a port without one is answered. @module */
import * as sum from '../packet/checksum.ts';
import { DEST_UNREACH, PORT_UNREACH } from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import { FLAG_CSUM_OK, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as udp from '../packet/udp.ts';
import type { Netns } from './netns.ts';
import { RTCF_BROADCAST, RTCF_MULTICAST } from './route.ts';
import type { Listener } from './socket.ts';

const CONSUMED = reason('CONSUMED');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const NO_SOCKET = reason('NO_SOCKET');
const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const UDP_CSUM = reason('UDP_CSUM');

/** Takes the packet; `pkt.l4` at the UDP (or UDP-Lite) header. */
export function udpReceive(ns: Netns, pkt: Packet, protocol: number): void {
  const { view, l4 } = pkt;
  const why = checkLength(pkt, protocol);
  if (why !== 0) {
    ns.drop(pkt, why);
    return;
  }
  const port = udp.dstPort(view, l4);
  if ((pkt.routeFlags & (RTCF_BROADCAST | RTCF_MULTICAST)) !== 0) {
    // Broadcasts go to every socket of the port; nobody minds when there is none.
    deliver(ns, pkt, ns.sockets.find(protocol, port, ipv4.dst(view, pkt.l3)), NOT_SPECIFIED);
    return;
  }
  const listener = ns.sockets.find(protocol, port, ipv4.dst(view, pkt.l3));
  if (listener !== null) {
    deliver(ns, pkt, listener, CONSUMED);
    return;
  }
  pkt.ct = -1;
  pkt.ctInfo = 0;
  if (!checksumIsRight(pkt, protocol)) {
    ns.drop(pkt, UDP_CSUM);
    return;
  }
  ns.icmp.send(pkt, DEST_UNREACH, PORT_UNREACH, 0);
  ns.drop(pkt, NO_SOCKET);
}

/** To a socket, if there is one: a tunnel takes the packet, others swallow it. */
function deliver(ns: Netns, pkt: Packet, listener: Listener | null, otherwise: number): void {
  if (listener === null) ns.drop(pkt, otherwise);
  else if (listener.deliver === null) ns.drop(pkt, CONSUMED);
  else listener.deliver(pkt);
}

/** The datagram is what the length field says; more is cut off. @returns 0 or the reason to drop */
function checkLength(pkt: Packet, protocol: number): number {
  const { view, l4, end } = pkt;
  if (end - l4 < udp.HEADER_LEN) return NOT_SPECIFIED;
  const length = udp.length(view, l4);
  if (length > end - l4) return PKT_TOO_SMALL;
  if (protocol === ipv4.UDPLITE) return length !== 0 && length < udp.HEADER_LEN ? UDP_CSUM : 0;
  if (length < udp.HEADER_LEN) return PKT_TOO_SMALL;
  if (length < end - l4) {
    pkt.end = l4 + length;
    // Whoever found the checksum right summed what is gone now.
    pkt.flags &= ~FLAG_CSUM_OK;
  }
  return 0;
}

/** udp_lib_checksum_complete. UDP may have none; UDP-Lite covers as much as its length field says. */
export function checksumIsRight(pkt: Packet, protocol: number): boolean {
  const { view, l3, l4, end } = pkt;
  if ((pkt.flags & FLAG_CSUM_OK) !== 0) return true;
  const lite = protocol === ipv4.UDPLITE;
  if (udp.checksum(view, l4) === 0) return !lite;
  const covered = lite ? udp.length(view, l4) || end - l4 : end - l4;
  return sum.fold(sum.add(view, l4, l4 + covered, ipv4.pseudo(view, l3, end - l4))) === 0xffff;
}
