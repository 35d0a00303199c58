/** An IPv4 packet in a line of the kernel's log: dump_ipv4_packet, net/netfilter/nf_log_syslog.c. @module */
import { format4 } from '../packet/address.ts';
import * as icmp from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import { LOG_IPOPT, type Logged } from './log-flags.ts';
import { hexBytes, logTcp, logUdp, mark, owner } from './log-transport.ts';

/** Bytes that a message of a type must have to be shown. */
const REQUIRED: readonly number[] = [4, 0, 0, 28, 28, 28, 0, 0, 4, 0, 0, 28, 28, 20, 20, 0, 0, 12, 12];

/** IPTOS_TOS_MASK, IPTOS_PREC_MASK. */
const TOS_MASK = 0x1e;
const PREC_MASK = 0xe0;
const CE = 0x8000;

const hex2 = (value: number): string => `0x${value.toString(16).toUpperCase().padStart(2, '0')}`;

/** The packet whose header is at `at`; `outer`: not one that an ICMP error quotes. */
export function logIpv4(logged: Logged, at: number, outer: boolean): string {
  const { pkt, flags, end } = logged;
  const v = pkt.view;
  if (end - at < ipv4.HEADER_LEN) return 'TRUNCATED';
  const head = header(v, at);
  const length = ipv4.headerLength(v, at);
  let options = '';
  if ((flags & LOG_IPOPT) !== 0 && length > ipv4.HEADER_LEN) {
    if (at + length > end) return `${head}TRUNCATED`;
    options = `OPT (${hexBytes(pkt.bytes.subarray(at + ipv4.HEADER_LEN, at + length))}) `;
  }
  const { text, whole } = transport(logged, at, at + length, outer);
  const trailer = whole && outer ? owner(logged) + mark(pkt) : '';
  return `${head}${options}${text}${trailer}`;
}

function header(v: DataView, at: number): string {
  const tos = ipv4.tos(v, at);
  const fragment = ipv4.fragment(v, at);
  let text = `SRC=${format4(ipv4.src(v, at))} DST=${format4(ipv4.dst(v, at))} LEN=${ipv4.totalLength(v, at)} `;
  text += `TOS=${hex2(tos & TOS_MASK)} PREC=${hex2(tos & PREC_MASK)} TTL=${ipv4.ttl(v, at)} ID=${ipv4.id(v, at)} `;
  if ((fragment & CE) !== 0) text += 'CE ';
  if ((fragment & ipv4.DF) !== 0) text += 'DF ';
  if ((fragment & ipv4.MF) !== 0) text += 'MF ';
  if ((fragment & ipv4.OFFSET_MASK) !== 0) text += `FRAG:${fragment & ipv4.OFFSET_MASK} `;
  return text;
}

/** Not whole: the line ends there, without the mark. */
function transport(logged: Logged, ip: number, at: number, outer: boolean): { text: string; whole: boolean } {
  const v = logged.pkt.view;
  const protocol = ipv4.protocol(v, ip);
  const later = ipv4.fragmentOffset(v, ip) !== 0;
  switch (protocol) {
    case ipv4.TCP:
      return logTcp(logged, at, later);
    case ipv4.UDP:
    case ipv4.UDPLITE:
      return logUdp(logged, protocol, at, later);
    case ipv4.ICMP:
      return { text: `PROTO=ICMP ${later ? '' : message(logged, at, outer)}`, whole: true };
    case ipv4.AH:
      return { text: later ? '' : `PROTO=AH ${spi(logged, at, 12, 4)}`, whole: true };
    case ipv4.ESP:
      return { text: `PROTO=ESP ${later ? '' : spi(logged, at, 8, 0)}`, whole: true };
    default:
      return { text: `PROTO=${protocol} `, whole: true };
  }
}

const incomplete = (bytes: number): string => `INCOMPLETE [${bytes} bytes] `;

/** The security parameters index, `offset` bytes into a header of `bytes` bytes. */
const spi = ({ pkt, end }: Logged, at: number, bytes: number, offset: number): string =>
  end - at < bytes ? incomplete(end - at) : `SPI=0x${pkt.view.getUint32(at + offset).toString(16)} `;

function message(logged: Logged, at: number, outer: boolean): string {
  const { pkt, end } = logged;
  const v = pkt.view;
  if (end - at < icmp.HEADER_LEN) return incomplete(end - at);
  const type = icmp.type(v, at);
  const code = icmp.code(v, at);
  const text = `TYPE=${type} CODE=${code} `;
  if (end - at < (REQUIRED[type] ?? 0)) return text + incomplete(end - at);
  if (type === icmp.ECHO || type === icmp.ECHOREPLY) return `${text}ID=${icmp.id(v, at)} SEQ=${icmp.sequence(v, at)} `;
  if (type === icmp.PARAMETERPROB) return `${text}PARAMETER=${icmp.pointer(v, at)} `;
  if (!icmp.isError(type)) return text;
  const gateway = type === icmp.REDIRECT ? `GATEWAY=${format4(icmp.gateway(v, at))} ` : '';
  const quoted = outer ? `[${logIpv4(logged, at + icmp.HEADER_LEN, false)}] ` : '';
  const mtu = type === icmp.DEST_UNREACH && code === icmp.FRAG_NEEDED ? `MTU=${icmp.mtu(v, at)} ` : '';
  return text + gateway + quoted + mtu;
}
