/** A packet whose route leads nowhere: ip_error, net/ipv4/route.c. @module */
import { DEST_UNREACH, HOST_UNREACH, NET_UNREACH, PKT_FILTERED } from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { FORWARDING } from './dev-conf.ts';
import type { Device } from './device.ts';
import { EACCES, EHOSTUNREACH, ENETUNREACH } from './errno.ts';
import type { Netns } from './netns.ts';

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const IP_INADDRERRORS = reason('IP_INADDRERRORS');
const IP_INNOROUTES = reason('IP_INNOROUTES');

/** Drop it, and tell the sender unless the route is a blackhole, forwarding is off, or the sender was told enough. */
export function ipError(ns: Netns, pkt: Packet, dev: Device): void {
  const { routeError } = pkt;
  if (ns.conf.get(dev, FORWARDING) === 0) {
    const host = routeError === EHOSTUNREACH;
    ns.drop(pkt, host ? IP_INADDRERRORS : routeError === ENETUNREACH ? IP_INNOROUTES : NOT_SPECIFIED);
    return;
  }
  const code = codeOf(routeError);
  if (code >= 0 && ns.peers.allowRouteError(ipv4.src(pkt.view, pkt.l3))) ns.icmp.send(pkt, DEST_UNREACH, code, 0);
  ns.drop(pkt, routeError === ENETUNREACH ? IP_INNOROUTES : NOT_SPECIFIED);
}

/** The ICMP code, or -1 for silence. */
function codeOf(error: number): number {
  switch (error) {
    case EHOSTUNREACH:
      return HOST_UNREACH;
    case ENETUNREACH:
      return NET_UNREACH;
    case EACCES:
      return PKT_FILTERED;
    default:
      return -1;
  }
}
