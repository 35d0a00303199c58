/** TCP over IPv6 for this host: tcp_v6_rcv as far as nobody listens. net/ipv6/tcp_ipv6.c. @module */
import * as sum from '../packet/checksum.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import { FLAG_CSUM_OK, FLAG_SOCKLESS, PACKET_HOST, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as tcp from '../packet/tcp.ts';
import { HOP_LIMIT } from './dev-conf6.ts';
import type { Device } from './device.ts';
import { Flow6 } from './flow6.ts';
import { needsDevice, readIn6 } from './in6.ts';
import type { Ipv6 } from './ip6.ts';
import { RTN_LOCAL } from './rtn.ts';
import { mustBeSigned, writeReset } from './tcp.ts';

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const NO_SOCKET = reason('NO_SOCKET');
const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const TCP_CSUM = reason('TCP_CSUM');

const SRC = 8;
const DST = 24;
const ECN_MASK = 3;

const flow = new Flow6();

/** Takes the packet; `pkt.l4` at the TCP header. */
export function tcp6Receive(ip6: Ipv6, pkt: Packet, dev: Device): void {
  ip6.ns.drop(pkt, handle(ip6, pkt, dev));
}

function handle(ip6: Ipv6, pkt: Packet, dev: Device): number {
  const { view, l3, l4, end, flags } = pkt;
  if (pkt.pktType !== PACKET_HOST || end - l4 < tcp.HEADER_LEN) return NOT_SPECIFIED;
  const hlen = tcp.headerLength(view, l4);
  if (hlen < tcp.HEADER_LEN) return PKT_TOO_SMALL;
  if (hlen > end - l4) return NOT_SPECIFIED;
  const sumRight = sum.fold(sum.add(view, l4, end, ipv6.pseudo(view, l3, ipv4.TCP, end - l4))) === 0xffff;
  if ((flags & FLAG_CSUM_OK) === 0 && !sumRight) return TCP_CSUM;
  sendReset(ip6, pkt, dev);
  return NO_SOCKET;
}

/** tcp_v6_send_reset and tcp_v6_send_response. */
function sendReset(ip6: Ipv6, pkt: Packet, dev: Device): void {
  const { view, l3, l4 } = pkt;
  if ((tcp.flags(view, l4) & tcp.RST) !== 0 || pkt.routeType !== RTN_LOCAL || mustBeSigned(pkt)) return;
  flow.clear();
  readIn6(view, l3 + SRC, flow.dst);
  readIn6(view, l3 + DST, flow.src);
  if (needsDevice(flow.dst)) flow.oif = dev.index;
  flow.mark = ip6.reflectedMark(pkt);
  flow.protocol = ipv4.TCP;
  flow.srcPort = tcp.dstPort(view, l4);
  flow.dstPort = tcp.srcPort(view, l4);
  if (ip6.routing.lookup(flow) !== 0) return;
  const reset = ip6.ns.pool.take(ipv6.HEADER_LEN + tcp.HEADER_LEN);
  if (reset === null) return;
  const { rt } = ip6.routing;
  reset.mark = flow.mark;
  // Unlike in IPv4, the kernel's own socket is not put on it.
  reset.flags = FLAG_CSUM_OK | FLAG_SOCKLESS;
  rt.apply(reset);
  ip6.writeHeader(reset, flow, ipv6.trafficClass(view, l3) & ~ECN_MASK, ip6.conf.get(rt.dev!, HOP_LIMIT));
  writeReset(pkt, reset);
  tcp.fillChecksum(reset.view, reset.l4, reset.end, ipv6.pseudo(reset.view, reset.l3, ipv4.TCP, tcp.HEADER_LEN));
  ip6.output(reset);
}
