/** What a tunnel makes a packet forget, skb_scrub_packet (net/core/skbuff.c) within one namespace. @module */
import { dropRoute } from '../net/route.ts';
import { PACKET_HOST, type Packet } from '../packet/packet.ts';

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
