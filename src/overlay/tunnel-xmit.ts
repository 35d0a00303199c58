/** The end of every tunnel device: iptunnel_xmit, net/ipv4/ip_tunnel_core.c. @module */
import type { Netns } from '../net/netns.ts';
import type { Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';

const RECURSION_LIMIT = reason('RECURSION_LIMIT');
/** IP_TUNNEL_RECURSION_LIMIT: devices that send through one another, of which a tunnel is one. */
const MAX_RECURSION = 4;

/** Send the outer packet, its header complete and its route on it, unless tunnels lead into each other. */
export function tunnelXmit(ns: Netns, pkt: Packet): void {
  if (ns.world.backlog.recursion > MAX_RECURSION) ns.drop(pkt, RECURSION_LIMIT);
  else ns.ip.output(pkt);
}
