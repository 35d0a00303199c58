/** The end of every tunnel device: iptunnel_xmit, net/ipv4/ip_tunnel_core.c. @module */
import type { Netns } from '../net/netns.ts';
import type { Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';

const RECURSION_LIMIT = reason('RECURSION_LIMIT');
/** IP_TUNNEL_RECURSION_LIMIT: a tunnel counts twice, as the device that it is and as the sender of the outer packet. */
const MAX_RECURSION = 5;

/** Send the outer packet, its header complete and its route on it, unless tunnels lead into each other. */
export function tunnelXmit(ns: Netns, pkt: Packet): void {
  const { backlog } = ns.world;
  if (backlog.recursion > MAX_RECURSION) {
    ns.drop(pkt, RECURSION_LIMIT);
    return;
  }
  backlog.recursion++;
  ns.ip.output(pkt);
  backlog.recursion--;
}
