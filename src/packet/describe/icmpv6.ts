/** ICMPv6 and neighbour discovery as print-icmp6.c of tcpdump prints them, without options and without hex dumps. @module */
import { format6 } from '../address.ts';
import * as icmpv6 from '../icmpv6.ts';
import * as ipv4 from '../ipv4.ts';
import * as ipv6 from '../ipv6.ts';
import * as ipv6Ext from '../ipv6-ext.ts';
import * as nd from '../nd.ts';
import * as udp from '../udp.ts';
import { cut, type Segment } from './segment.ts';

const NAMES: Readonly<Record<number, string>> = {
  1: 'destination unreachable',
  2: 'packet too big',
  3: 'time exceeded',
  4: 'parameter problem',
  128: 'echo request',
  129: 'echo reply',
  130: 'multicast listener query',
  131: 'multicast listener report',
  132: 'multicast listener done',
  133: 'router solicitation',
  134: 'router advertisement',
  135: 'neighbor solicitation',
  136: 'neighbor advertisement',
  137: 'redirect',
  138: 'router renumbering',
  139: 'who-are-you request',
  140: 'who-are-you reply',
  141: 'inverse neighbor solicitation',
  142: 'inverse neighbor advertisement',
  143: 'multicast listener report v2',
};

const UNREACHABLE: readonly string[] = [
  'unreachable route',
  ' unreachable prohibited',
  'beyond scope',
  'unreachable address',
  'unreachable port',
];
const PROBLEMS: readonly string[] = ['erroneous', 'next header', 'option', 'incomplete header chain'];

const MLD_LEN = 24;
const QUOTE_LEN = icmpv6.HEADER_LEN + ipv6.HEADER_LEN;

/** `ICMP6, echo request, id 1, seq 1, length 64`. */
export function describeIcmpv6(s: Segment): string {
  if (s.end - s.at < 4) return cut('icmp6');
  const type = icmpv6.type(s.v, s.at);
  const details = s.end - s.at < bytesRead(type) ? undefined : detail(s, type);
  const name = `ICMP6, ${NAMES[type] ?? `unknown icmp6 type (${type})`}`;
  return details === undefined ? name + cut('icmp6') : `${name}${details}, length ${s.length}`;
}

/** How far {@link detail} looks into a message of this type. */
function bytesRead(type: number): number {
  if (type === icmpv6.DEST_UNREACH || type === icmpv6.PARAMPROB) return QUOTE_LEN;
  if (type === icmpv6.TIME_EXCEED) return 4;
  if (type <= icmpv6.ECHO_REPLY && NAMES[type] !== undefined) return icmpv6.HEADER_LEN;
  if (type === icmpv6.MGM_REPORT || type === icmpv6.MGM_REDUCTION) return MLD_LEN;
  if (type === icmpv6.MLD2_REPORT) return icmpv6.HEADER_LEN;
  return type >= icmpv6.NEIGHBOUR_SOLICITATION && nd.isNd(type) ? nd.optionsOffset(type) : 0;
}

function detail(s: Segment, type: number): string | undefined {
  const { v, at } = s;
  switch (type) {
    case icmpv6.DEST_UNREACH:
      return unreachable(s);
    case icmpv6.PKT_TOOBIG:
      return `, mtu ${icmpv6.info(v, at)}`;
    case icmpv6.TIME_EXCEED:
      return timeExceeded(s);
    case icmpv6.PARAMPROB:
      return `, ${PROBLEMS[icmpv6.code(v, at)] ?? `code-#${icmpv6.code(v, at)}`} - octet ${icmpv6.info(v, at)}`;
    case icmpv6.ECHO_REQUEST:
    case icmpv6.ECHO_REPLY:
      return `, id ${icmpv6.id(v, at)}, seq ${icmpv6.sequence(v, at)}`;
    case icmpv6.MGM_QUERY:
      return query(s);
    case icmpv6.MGM_REPORT:
    case icmpv6.MGM_REDUCTION:
      return listener(v, at);
    case icmpv6.MLD2_REPORT:
      return `, ${icmpv6.sequence(v, at)} group record(s)`;
    case icmpv6.NEIGHBOUR_SOLICITATION:
      return `, who has ${format6(nd.target(v, at))}`;
    case icmpv6.NEIGHBOUR_ADVERTISEMENT:
      return `, tgt is ${format6(nd.target(v, at))}`;
    case icmpv6.REDIRECT:
      return `, ${format6(nd.destination(v, at))} to ${format6(nd.target(v, at))}`;
    default:
      return '';
  }
}

function query(s: Segment): string {
  if (s.length === MLD_LEN && s.end - s.at >= MLD_LEN) return listener(s.v, s.at);
  return s.length > MLD_LEN ? ' v2' : ` unknown-version (len ${s.length})`;
}

const listener = (v: DataView, at: number): string =>
  `max resp delay: ${icmpv6.id(v, at)} addr: ${format6(ipv6.readAddress(v, at + icmpv6.HEADER_LEN))}`;

function unreachable(s: Segment): string | undefined {
  const { v, at } = s;
  const code = icmpv6.code(v, at);
  const quoted = at + icmpv6.HEADER_LEN;
  const text = `, ${UNREACHABLE[code] ?? `unknown unreach code (${code})`}`;
  const address = format6(ipv6.dst(v, quoted));
  if (code === icmpv6.PORT_UNREACH) {
    const port = quotedPort(s, quoted);
    return port === undefined ? undefined : `${text}, ${address} ${port}`;
  }
  if (code === icmpv6.NOT_NEIGHBOUR) return `${text} ${address}, source address ${format6(ipv6.src(v, quoted))}`;
  return UNREACHABLE[code] === undefined ? text : `${text} ${address}`;
}

/** `udp port 53` of the quoted packet. */
function quotedPort({ v, end }: Segment, quoted: number): string | undefined {
  const found = new ipv6Ext.Found();
  if (!ipv6Ext.find(v, quoted, end, -1, found) || found.fragmentOffset > 0 || end - found.at < 4) return undefined;
  const port = udp.dstPort(v, found.at);
  if (found.protocol === ipv4.TCP) return `tcp port ${port}`;
  if (found.protocol === ipv4.UDP) return `udp port ${port}`;
  return `protocol ${found.protocol} port ${port} unreachable`;
}

function timeExceeded({ v, at, end }: Segment): string | undefined {
  const code = icmpv6.code(v, at);
  if (code === icmpv6.EXC_HOPLIMIT && end - at < QUOTE_LEN) return undefined;
  if (code === icmpv6.EXC_HOPLIMIT) return ` in-transit for ${format6(ipv6.dst(v, at + icmpv6.HEADER_LEN))}`;
  return code === icmpv6.EXC_FRAGTIME ? ' in-transit (reassembly)' : ` in-transit, unknown code (${code})`;
}
