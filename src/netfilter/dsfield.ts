/** The differentiated services field of either protocol: include/net/dsfield.h. Runs per packet. @module */
import { ETH_P_IPV6 } from '../packet/ethernet.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import type { Packet } from '../packet/packet.ts';

/** TOS of an IPv4 header, traffic class of an IPv6 one. */
export const dsfield = (pkt: Packet): number =>
  pkt.protocol === ETH_P_IPV6 ? ipv6.trafficClass(pkt.view, pkt.l3) : ipv4.tos(pkt.view, pkt.l3);

/** Write it, and keep IPv4's header checksum right. */
export function setDsfield(pkt: Packet, value: number): void {
  if (pkt.protocol === ETH_P_IPV6) ipv6.setTrafficClass(pkt.view, pkt.l3, value);
  else ipv4.setTos(pkt.view, pkt.l3, value);
}
