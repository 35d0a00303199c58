/** IPv4, IPv6 and its extension headers as print-ip.c and print-ip6.c of tcpdump print them. @module */
import * as address from '../address.ts';
import * as ah from '../ah.ts';
import * as ipv4 from '../ipv4.ts';
import * as ipv6 from '../ipv6.ts';
import * as ext from '../ipv6-ext.ts';
import { describeDccp } from './dccp.ts';
import { describeIcmp } from './icmp.ts';
import { describeIcmpv6 } from './icmpv6.ts';
import { describeSctp } from './sctp.ts';
import { cut, type Inner, type Segment } from './segment.ts';
import { describeTcp } from './tcp.ts';
import { describeAh, describeEsp, describeGre } from './tunnel.ts';
import { describeUdp } from './udp.ts';

/** Their printers begin with the addresses, for the ports stand beside them. */
const withPorts = (protocol: number): boolean =>
  protocol === ipv4.TCP || protocol === ipv4.UDP || protocol === ipv4.SCTP || protocol === ipv4.DCCP;

/** `10.0.0.1.4000 > 10.0.0.2.53: UDP, length 5`; `family` ("IP ", or nothing) stands before it. */
export function describeIpv4(v: DataView, at: number, end: number, family: string, inner: Inner): string {
  if (end === at) return cut('ip');
  const version = ipv4.version(v, at);
  if (version !== 4) return `IP${version}${version === 6 ? ', wrong link-layer encapsulation' : ''} (invalid)`;
  if (end - at < ipv4.HEADER_LEN) return family + cut('ip');
  const header = ipv4.headerLength(v, at);
  if (header < ipv4.HEADER_LEN) return `${family}bad-hlen ${header}`;
  const total = ipv4.totalLength(v, at);
  const missing = total - (end - at);
  const text = missing > 0 ? `${family}truncated-ip - ${missing} bytes missing! ` : family;
  if (total < header) return `${text}bad-len ${total}`;
  return text + ipv4Payload(v, at, Math.min(end, at + total), total - header, inner);
}

function ipv4Payload(v: DataView, at: number, end: number, length: number, inner: Inner): string {
  const protocol = ipv4.protocol(v, at);
  const [src, dst] = [address.format4(ipv4.src(v, at)), address.format4(ipv4.dst(v, at))];
  if ((ipv4.fragment(v, at) & ipv4.OFFSET_MASK) !== 0) return `${src} > ${dst}: ip-proto-${protocol}`;
  const start = Math.min(end, at + ipv4.headerLength(v, at));
  const fragmented = (ipv4.fragment(v, at) & ipv4.MF) !== 0;
  const segment: Segment = { v, at: start, end, length, version: 4, src, dst, direct: true, fragmented };
  return (withPorts(protocol) ? '' : `${src} > ${dst}: `) + transport(segment, protocol, inner);
}

/** The same for IPv6; `family` is "IP6 ", or nothing. */
export function describeIpv6(v: DataView, at: number, end: number, family: string, inner: Inner): string {
  if (end - at < ipv6.HEADER_LEN) return cut('ip6');
  if (ipv6.version(v, at) !== 6) return `${family}version error: ${ipv6.version(v, at)} != 6`;
  const missing = ipv6.payloadLength(v, at) + ipv6.HEADER_LEN - (end - at);
  const text = missing > 0 ? `${family}truncated-ip6 - ${missing} bytes missing!` : family;
  return text + ipv6Payload(v, at, Math.min(end, end + missing), ipv6.payloadLength(v, at), inner);
}

/** Extension headers one by one, then the transport. */
function ipv6Payload(v: DataView, ip: number, end: number, payload: number, inner: Inner): string {
  const [src, dst] = [address.format6(ipv6.src(v, ip)), address.format6(ipv6.dst(v, ip))];
  const first = ipv6.nextHeader(v, ip);
  let text = withPorts(first) ? '' : `${src} > ${dst}: `;
  let protocol = first;
  let at = ip + ipv6.HEADER_LEN;
  let fragmented = false;
  while (protocol in EXTENSIONS) {
    const { name, describe } = EXTENSIONS[protocol]!;
    if (ext.check(v, at, end, protocol) !== 0) return text + cut(name);
    if (protocol === ext.FRAGMENT) {
      fragmented = true;
      text += `frag (${ext.fragmentOffset(v, at)}|${payload - (at - ip - ipv6.HEADER_LEN) - ext.FRAGMENT_LEN})`;
      if (ext.fragmentOffset(v, at) !== 0) return text;
      text += ' ';
    } else text += describe(v, at);
    const size = ext.headerLength(v, at, protocol);
    protocol = ext.nextHeader(v, at);
    at += size;
  }
  const length = payload - (at - ip - ipv6.HEADER_LEN);
  const direct = protocol === first;
  return text + transport({ v, at, end, length, version: 6, src, dst, direct, fragmented }, protocol, inner);
}

const EXTENSIONS: Readonly<Record<number, { name: string; describe: (v: DataView, at: number) => string }>> = {
  [ext.HOP]: { name: 'hbhopt', describe: () => 'HBH ' },
  [ext.DEST]: { name: 'dstopt', describe: () => 'DSTOPT ' },
  [ext.ROUTING]: { name: 'rt6', describe: routing },
  [ext.FRAGMENT]: { name: 'frag6', describe: () => '' },
};

function routing(v: DataView, at: number): string {
  const type = ext.routingType(v, at);
  const size = ext.headerLength(v, at, ext.ROUTING);
  let text = `RT6 (len=${v.getUint8(at + 1)}, type=${type}${type === 0 ? ' [Deprecated]' : ''}, segleft=${ext.segmentsLeft(v, at)}`;
  if (type === 0)
    for (let i = 0; 8 + 16 * (i + 1) <= size; i++)
      text += `, [${i}]${address.format6(ipv6.readAddress(v, at + 8 + 16 * i))}`;
  return `${text}) `;
}

/** ip_demux_print: what a protocol number stands for. AH is passed through. */
function transport(s: Segment, protocol: number, inner: Inner): string {
  switch (protocol) {
    case ipv4.TCP:
      return describeTcp(s);
    case ipv4.UDP:
      return describeUdp(s, inner);
    case ipv4.ICMP:
      return s.version === 4 ? describeIcmp(s) : '[ICMP requires IPv4] (invalid)';
    case ipv4.ICMPV6:
      return s.version === 6 ? describeIcmpv6(s) : '[ICMP6 requires IPv6] (invalid)';
    case ipv4.SCTP:
      return describeSctp(s);
    case ipv4.DCCP:
      return describeDccp(s);
    case ipv4.GRE:
      return describeGre(s, inner);
    case ipv4.ESP:
      return describeEsp(s);
    case ipv4.AH:
      return authenticated(s, inner);
    case ipv4.IPIP:
      return inner.network(0x0800, s.v, s.at, s.end) ?? '';
    case IPV6:
      return inner.network(0x86dd, s.v, s.at, s.end) ?? '';
    case ext.NONE:
      return 'no next header';
    default:
      return ` ip-proto-${protocol} ${s.length}`;
  }
}

const IPV6 = 41;

/** AH, and what it guards. */
function authenticated(s: Segment, inner: Inner): string {
  let at = s.at;
  let text = '';
  let protocol: number = ipv4.AH;
  while (protocol === ipv4.AH) {
    if (ah.check(s.v, at, s.end) !== 0) return text + cut('ah');
    text += describeAh({ ...s, at });
    protocol = ah.nextHeader(s.v, at);
    at += ah.headerLength(s.v, at);
  }
  return text + transport({ ...s, at, length: s.length - (at - s.at), direct: false }, protocol, inner);
}
