/** What a tunnel makes a packet forget, skb_scrub_packet (net/core/skbuff.c) within one namespace. @module */
import { dropRoute } from '../net/route.ts';
import {
  FLAG_CSUM_OK,
  FLAG_KERNEL_SOCKET,
  FLAG_SOCKET,
  hasSocket,
  PACKET_HOST,
  type Packet,
} from '../packet/packet.ts';

/** All that belongs to the packet that it was; the mark stays, and so do the offsets. Runs per packet. */
export function scrub(pkt: Packet): void {
  pkt.pktType = PACKET_HOST;
  pkt.flags = 0;
  pkt.iif = 0;
  pkt.physIn = 0;
  pkt.physOut = 0;
  pkt.ct = -1;
  pkt.ctInfo = 0;
  pkt.fragMax = 0;
  pkt.fragments = -1;
  dropRoute(pkt);
}

/**
 * The same for a packet that becomes the inside of another, sent by the tunnel device `ifindex`: its socket is the outer
 * packet's, too. Runs per packet.
 */
export function scrubOuter(pkt: Packet, ifindex: number): void {
  const own = hasSocket(pkt) ? FLAG_KERNEL_SOCKET : 0;
  const socket = pkt.flags & FLAG_SOCKET || own;
  scrub(pkt);
  pkt.flags = FLAG_CSUM_OK | socket;
  pkt.iif = ifindex;
}
