/**
 * Connections as text: /proc/net/nf_conntrack (nf_conntrack_standalone.c), `conntrack -L` and `conntrack -E`
 * (libnetfilter_conntrack's snprintf_default.c), and the form in which two runs can be compared. @module
 */
import { type Address6, format4, format6 } from '../packet/address.ts';
import * as ip from '../packet/ipv4.ts';
import { SECOND } from '../sim/clock.ts';
import type { Connections } from './connections.ts';
import * as sctpState from './sctp-state.ts';
import {
  IPCT_DESTROY,
  IPCT_MARK,
  IPCT_NEW,
  IPCT_PROTOINFO,
  IPS_ACCOUNTED,
  IPS_ASSURED,
  IPS_NAT_CLASH,
  IPS_SEEN_REPLY,
  ORIGINAL,
  REPLY,
  ZONE_DIR_BOTH,
  ZONE_DIR_ORIG,
  ZONE_DIR_REPL,
} from './status.ts';
import * as tcpState from './tcp-state.ts';
import { IPV4, Tuple } from './tuple.ts';

const NAMES: Readonly<Record<number, string>> = {
  [ip.ICMP]: 'icmp',
  [ip.TCP]: 'tcp',
  [ip.UDP]: 'udp',
  [ip.GRE]: 'gre',
  [ip.ICMPV6]: 'icmpv6',
  [ip.SCTP]: 'sctp',
  [ip.UDPLITE]: 'udplite',
};

const AF_INET = 2;
const AF_INET6 = 10;

/** How an IPv6 address is written: as /proc does it, in full, or short. */
type Format6 = (address: Address6) => string;

/** Rows that a listing shows, in the order in which they were made room for: hashed, not expired, not the loser of a clash. */
function* listed(connections: Connections): Generator<number> {
  const { table } = connections;
  for (let ct = 0; ct < table.rows; ct++) {
    if (!table.isHashed(ct) || connections.isExpired(ct)) continue;
    if ((table.status[ct]! & IPS_NAT_CLASH) === 0) yield ct;
  }
}

/** Lines of /proc/net/nf_conntrack. */
export const formatProc = (connections: Connections): string[] =>
  [...listed(connections)].map((ct) => procLine(connections, ct));

function procLine(connections: Connections, ct: number): string {
  const { table } = connections;
  const v4 = table.family[ct] === IPV4;
  const protocol = table.protocol[ct]!;
  return words([
    (v4 ? 'ipv4' : 'ipv6').padEnd(8),
    v4 ? AF_INET : AF_INET6,
    protocolName(protocol).padEnd(8),
    protocol,
    secondsLeft(connections, ct),
    stateWord(connections, ct),
    protocol === ip.GRE ? greTimeouts(connections) : '',
    direction(connections, ct, ORIGINAL, full6),
    (table.status[ct]! & IPS_SEEN_REPLY) === 0 ? '[UNREPLIED]' : '',
    direction(connections, ct, REPLY, full6),
    (table.status[ct]! & IPS_ASSURED) !== 0 ? '[ASSURED]' : '',
    `mark=${table.mark[ct]! >>> 0}`,
    table.zoneDir[ct] === ZONE_DIR_BOTH ? `zone=${table.zone[ct]}` : '',
    'use=2',
  ]);
}

const greTimeouts = ({ settings }: Connections): string =>
  `timeout=${settings.gre}, stream_timeout=${settings.greStream}`;

/** Lines of `conntrack -L`, or of `conntrack -L -o extended`. */
export const formatConntrack = (connections: Connections, options: { readonly extended?: boolean } = {}): string[] =>
  [...listed(connections)].map((ct) => {
    const v4 = connections.table.family[ct] === IPV4;
    const family = `${(v4 ? 'ipv4' : 'ipv6').padEnd(8)} ${v4 ? AF_INET : AF_INET6} `;
    return (options.extended === true ? family : '') + flowText(connections, ct, ALL_PARTS);
  });

/** A line of `conntrack -E` for what an observer was told. */
export function formatEvent(connections: Connections, events: number, ct: number): string {
  const over = (events & IPCT_DESTROY) !== 0;
  const kind = over ? '[DESTROY]' : (events & IPCT_NEW) !== 0 ? '    [NEW]' : ' [UPDATE]';
  const marked = connections.table.mark[ct] !== 0 || (events & IPCT_MARK) !== 0;
  return `${kind} ${flowText(connections, ct, {
    timeout: !over || secondsLeft(connections, ct) > 0,
    state: over || (events & IPCT_PROTOINFO) !== 0,
    counters: over,
    mark: marked,
    use: false,
  })}`;
}

/** What a line has beside the tuples. */
interface FlowParts {
  readonly timeout: boolean;
  readonly state: boolean;
  readonly counters: boolean;
  readonly mark: boolean;
  readonly use: boolean;
}

const ALL_PARTS: FlowParts = { timeout: true, state: true, counters: true, mark: true, use: true };

function flowText(connections: Connections, ct: number, parts: FlowParts): string {
  const { table } = connections;
  const protocol = table.protocol[ct]!;
  const zoned = table.zone[ct] !== 0 && table.zoneDir[ct] === ZONE_DIR_BOTH;
  return words([
    protocolName(protocol).padEnd(8),
    protocol,
    parts.timeout ? secondsLeft(connections, ct) : '',
    parts.state ? stateWord(connections, ct) : '',
    direction(connections, ct, ORIGINAL, format6, parts.counters),
    (table.status[ct]! & IPS_SEEN_REPLY) === 0 ? '[UNREPLIED]' : '',
    direction(connections, ct, REPLY, format6, parts.counters),
    (table.status[ct]! & IPS_ASSURED) !== 0 ? '[ASSURED]' : '',
    parts.mark ? `mark=${table.mark[ct]! >>> 0}` : '',
    zoned ? `zone=${table.zone[ct]}` : '',
    parts.use ? 'use=1' : '',
  ]);
}

/**
 * The table so that two runs can be compared: sorted by protocol and original tuple; a time left is the smallest configured
 * timeout that it can have been set to since the run began.
 */
export function conntrackList(connections: Connections): string[] {
  const timeouts = connections.settings.timeouts();
  const elapsed = connections.ns.clock.now / SECOND + 1.01;
  const rows = [...listed(connections)].map((ct) => ({ key: sortKey(connections, ct), ct }));
  rows.sort((a, b) => compareKeys(a.key, b.key));
  return rows.map(({ ct }) => normalLine(connections, ct, timeouts, elapsed));
}

function normalLine(connections: Connections, ct: number, timeouts: readonly number[], elapsed: number): string {
  const { table } = connections;
  const protocol = table.protocol[ct]!;
  const left = secondsLeft(connections, ct);
  return words([
    table.family[ct] === IPV4 ? 'ipv4' : 'ipv6',
    protocolName(protocol),
    protocol,
    timeouts.find((value) => value >= left && value - left <= elapsed) ?? left,
    stateWord(connections, ct),
    direction(connections, ct, ORIGINAL, full6, true, false),
    (table.status[ct]! & IPS_SEEN_REPLY) === 0 ? '[UNREPLIED]' : '',
    direction(connections, ct, REPLY, full6, true, false),
    (table.status[ct]! & IPS_ASSURED) !== 0 ? '[ASSURED]' : '',
    `mark=${table.mark[ct]! >>> 0}`,
    zoneText(connections, ct),
  ]);
}

const ZONE_NAMES: Readonly<Record<number, string>> = {
  [ZONE_DIR_BOTH]: 'zone',
  [ZONE_DIR_ORIG]: 'zone-orig',
  [ZONE_DIR_REPL]: 'zone-reply',
};

const zoneText = ({ table }: Connections, ct: number): string => `${ZONE_NAMES[table.zoneDir[ct]!]}=${table.zone[ct]}`;

const words = (parts: readonly (string | number)[]): string => parts.filter((part) => part !== '').join(' ');

const protocolName = (protocol: number): string => NAMES[protocol] ?? 'unknown';

const secondsLeft = (connections: Connections, ct: number): number => Math.floor(connections.expires(ct) / SECOND);

function stateWord({ table }: Connections, ct: number): string {
  if (table.protocol[ct] === ip.TCP) return tcpState.NAMES[table.state[ct]!]!;
  return table.protocol[ct] === ip.SCTP ? sctpState.NAMES[table.state[ct]!]! : '';
}

/** One direction: addresses, what the protocol adds, the zone if it counts there alone, and the counters. */
function direction(
  connections: Connections,
  ct: number,
  dir: number,
  address6: Format6,
  counters = true,
  zones = true,
): string {
  const { table } = connections;
  const tuple = new Tuple();
  table.getTuple(ct, dir, tuple);
  const e = 2 * ct + dir;
  const own = table.zoneDir[ct] === (dir === ORIGINAL ? ZONE_DIR_ORIG : ZONE_DIR_REPL);
  const counted = counters && (table.status[ct]! & IPS_ACCOUNTED) !== 0;
  return words([
    ...tupleFields(tuple, address6).map(([name, value]) => `${name}=${value}`),
    zones && own ? zoneText(connections, ct) : '',
    counted ? `packets=${table.packets[e]} bytes=${table.bytes[e]}` : '',
  ]);
}

function tupleFields(tuple: Tuple, address6: Format6): [string, string | number][] {
  return [
    ['src', addressText(tuple, tuple.src, tuple.srcHigh, address6)],
    ['dst', addressText(tuple, tuple.dst, tuple.dstHigh, address6)],
    ...transportFields(tuple),
  ];
}

function transportFields(tuple: Tuple): [string, string | number][] {
  switch (tuple.protocol) {
    case ip.TCP:
    case ip.UDP:
    case ip.UDPLITE:
    case ip.SCTP:
      return [
        ['sport', tuple.srcPort],
        ['dport', tuple.dstPort],
      ];
    case ip.ICMP:
    case ip.ICMPV6:
      return [
        ['type', tuple.dstPort >>> 8],
        ['code', tuple.dstPort & 255],
        ['id', tuple.srcPort],
      ];
    case ip.GRE:
      return [
        ['srckey', `0x${tuple.srcPort.toString(16)}`],
        ['dstkey', `0x${tuple.dstPort.toString(16)}`],
      ];
    default:
      return [];
  }
}

function addressText(tuple: Tuple, low: number, high: Int32Array, address6: Format6): string {
  return tuple.family === IPV4 ? format4(low) : address6([high[0]!, high[1]!, high[2]!, low]);
}

/** Eight groups of four digits, as the kernel's %pI6 prints. */
const full6: Format6 = (address) =>
  address
    .flatMap((word) => [word >>> 16, word & 0xffff])
    .map((part) => part.toString(16).padStart(4, '0'))
    .join(':');

interface SortKey {
  readonly protocol: number;
  /** Values of the original tuple in the order of their names, then the zone. */
  readonly texts: readonly string[];
}

function sortKey(connections: Connections, ct: number): SortKey {
  const tuple = new Tuple();
  connections.table.getTuple(ct, ORIGINAL, tuple);
  const fields = tupleFields(tuple, full6).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    protocol: tuple.protocol,
    texts: [...fields.map(([, value]) => String(value)), zoneText(connections, ct)],
  };
}

function compareKeys(a: SortKey, b: SortKey): number {
  if (a.protocol !== b.protocol) return a.protocol - b.protocol;
  for (let i = 0; i < a.texts.length; i++) {
    const [x, y] = [a.texts[i]!, b.texts[i] ?? ''];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}
