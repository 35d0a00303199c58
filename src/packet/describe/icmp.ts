/** ICMP as print-icmp.c of tcpdump prints it. @module */
import { format4 } from '../address.ts';
import * as icmp from '../icmp.ts';
import * as ipv4 from '../ipv4.ts';
import * as udp from '../udp.ts';
import { cut, hexNumber, type Segment } from './segment.ts';

const NAMES: Readonly<Record<number, string>> = {
  4: 'source quench',
  9: 'router advertisement',
  10: 'router solicitation',
  15: 'information request',
  16: 'information reply',
  17: 'address mask request',
};

/** By code, around the address that could not be reached. Port, protocol and fragmentation say more than that. */
const UNREACHABLE: Readonly<Record<number, readonly [before: string, after: string]>> = {
  [icmp.NET_UNREACH]: ['net ', ''],
  [icmp.HOST_UNREACH]: ['host ', ''],
  [icmp.SR_FAILED]: ['', ' - source route failed'],
  [icmp.NET_UNKNOWN]: ['net ', ' - unknown'],
  [icmp.HOST_UNKNOWN]: ['host ', ' - unknown'],
  [icmp.HOST_ISOLATED]: ['', ' - source host isolated'],
  [icmp.NET_ANO]: ['net ', ' - admin prohibited'],
  [icmp.HOST_ANO]: ['host ', ' - admin prohibited'],
  [icmp.NET_UNR_TOS]: ['net ', ' - tos prohibited'],
  [icmp.HOST_UNR_TOS]: ['host ', ' - tos prohibited'],
  [icmp.PKT_FILTERED]: ['host ', ' - admin prohibited filter'],
  [icmp.PREC_VIOLATION]: ['host ', ' - host precedence violation'],
  [icmp.PREC_CUTOFF]: ['host ', ' - precedence cutoff'],
};

const REDIRECTS: readonly string[] = ['net', 'host', 'net', 'host'];

/** `ICMP echo request, id 1, seq 1, length 64`. */
export function describeIcmp(s: Segment): string {
  const text = s.end - s.at < 2 ? undefined : message(s);
  return text === undefined ? cut('icmp') : `ICMP ${text}, length ${s.length}`;
}

/** What the message says, or undefined if it is cut short before that. */
function message({ v, at, end }: Segment): string | undefined {
  const type = icmp.type(v, at);
  const there = end - at;
  switch (type) {
    case icmp.ECHO:
    case icmp.ECHOREPLY:
      if (there < 8) return undefined;
      return `echo ${type === icmp.ECHO ? 'request' : 'reply'}, id ${icmp.id(v, at)}, seq ${icmp.sequence(v, at)}`;
    case icmp.DEST_UNREACH:
      return there < icmp.HEADER_LEN + ipv4.HEADER_LEN ? undefined : unreachable(v, at, end);
    case icmp.REDIRECT:
      return there < icmp.HEADER_LEN + ipv4.HEADER_LEN ? undefined : redirect(v, at);
    case icmp.TIME_EXCEEDED:
      return timeExceeded(icmp.code(v, at));
    case icmp.PARAMETERPROB:
      if (icmp.code(v, at) !== 0) return `parameter problem - code ${icmp.code(v, at)}`;
      return there < 5 ? undefined : `parameter problem - octet ${icmp.pointer(v, at)}`;
    case icmp.TIMESTAMP:
      return there < 8 ? undefined : `time stamp query id ${icmp.id(v, at)} seq ${icmp.sequence(v, at)}`;
    case icmp.TIMESTAMPREPLY:
      return there < 20 ? undefined : stamps(v, at);
    case icmp.ADDRESSREPLY:
      return there < 12 ? undefined : `address mask is ${hexNumber(v.getUint32(at + 8), 8)}`;
    default:
      return NAMES[type] ?? `type-#${type}`;
  }
}

function unreachable(v: DataView, at: number, end: number): string | undefined {
  const code = icmp.code(v, at);
  const quoted = at + icmp.HEADER_LEN;
  const address = format4(ipv4.dst(v, quoted));
  if (code === icmp.PORT_UNREACH) return portUnreachable(v, quoted, end, address);
  if (code === icmp.PROT_UNREACH) return `${address} protocol ${ipv4.protocol(v, quoted)} unreachable`;
  if (code === icmp.FRAG_NEEDED) {
    const mtu = icmp.mtu(v, at);
    return `${address} unreachable - need to frag${mtu === 0 ? '' : ` (mtu ${mtu})`}`;
  }
  const [before, after] = UNREACHABLE[code] ?? ['', ` - #${code}`];
  return `${before}${address} unreachable${after}`;
}

function portUnreachable(v: DataView, quoted: number, end: number, address: string): string | undefined {
  const transport = quoted + ipv4.headerLength(v, quoted);
  if (end - transport < 4) return undefined;
  const port = udp.dstPort(v, transport);
  const protocol = ipv4.protocol(v, quoted);
  if (protocol === ipv4.TCP) return `${address} tcp port ${port} unreachable`;
  if (protocol === ipv4.UDP) return `${address} udp port ${port} unreachable`;
  return `${address} protocol ${protocol} port ${port} unreachable`;
}

function redirect(v: DataView, at: number): string {
  const code = icmp.code(v, at);
  const address = format4(ipv4.dst(v, at + icmp.HEADER_LEN));
  const gateway = format4(icmp.gateway(v, at));
  const what = REDIRECTS[code];
  if (what === undefined) return `redirect-#${code} ${address} to ${gateway}`;
  return `redirect${code >= icmp.REDIR_NETTOS ? '-tos' : ''} ${address} to ${what} ${gateway}`;
}

function timeExceeded(code: number): string {
  if (code === icmp.EXC_TTL) return 'time exceeded in-transit';
  return code === icmp.EXC_FRAGTIME ? 'ip reassembly time exceeded' : `time exceeded-#${code}`;
}

function stamps(v: DataView, at: number): string {
  const [org, recv, xmit] = [8, 12, 16].map((offset) => clock(v.getUint32(at + offset)));
  return `time stamp reply id ${icmp.id(v, at)} seq ${icmp.sequence(v, at)}: org ${org}, recv ${recv}, xmit ${xmit}`;
}

/** Milliseconds since midnight as hours, minutes, seconds. */
function clock(ms: number): string {
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  const seconds = Math.floor(ms / 1000);
  const fraction = String(ms % 1000).padStart(3, '0');
  return `${two(seconds / 3600)}:${two((seconds % 3600) / 60)}:${two(seconds % 60)}.${fraction}`;
}
