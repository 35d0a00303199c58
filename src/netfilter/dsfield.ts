/** The differentiated services field of either protocol: include/net/dsfield.h. Runs per packet. @module */
import { ETH_P_IPV6 } from '../packet/ethernet.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import type { Packet } from '../packet/packet.ts';

/** TOS of an IPv4 header, traffic class of an IPv6 one. */
export const dsfield = (pkt: Packet): number =>
  pkt.protocol === ETH_P_IPV6 ? ipv6.trafficClass(pkt.view, pkt.l3) : ipv4.tos(pkt.view, pkt.l3);

/** Write it; ipv4_change_dsfield corrects the header checksum in a way of its own. */
export function setDsfield(pkt: Packet, value: number): void {
  const { view, l3 } = pkt;
  if (pkt.protocol === ETH_P_IPV6) {
    ipv6.setTrafficClass(view, l3, value);
    return;
  }
  let check = ipv4.checksum(view, l3) + ipv4.tos(view, l3);
  if (check + 1 > 0xffff) check = (check + 1) & 0xffff;
  check = (check - value) >>> 0;
  ipv4.setChecksum(view, l3, (check + (check >>> 16)) & 0xffff);
  view.setUint8(l3 + 1, value);
}
