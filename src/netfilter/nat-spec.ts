/**
 * Where a flow is translated to, as DNAT and SNAT write it: `[first[-last]][:port[-port[/base]]]`, with brackets around the
 * addresses of IPv6 when ports follow. parse_to and print_range of iptables' libxt_NAT.c. @module
 */
import {
  type NatRange,
  RANGE_MAP_IPS,
  RANGE_PERSISTENT,
  RANGE_PROTO_OFFSET,
  RANGE_PROTO_RANDOM,
  RANGE_PROTO_RANDOM_FULLY,
  RANGE_PROTO_SPECIFIED,
} from '../conntrack/nat-range.ts';
import { formatWords, parse4, parse6 } from '../packet/address.ts';
import * as ip from '../packet/ipv4.ts';
import { servicePort } from '../packet/services.ts';
import type { Family, Given, OptionSpec } from './extension.ts';
import { parseUint } from './number.ts';

/** Ports that a connection may get, first and last. */
export interface PortSpec {
  readonly first: number;
  readonly last: number;
  /** Ports are shifted: `first` stands for this one. */
  readonly base?: number;
}

/** What a connection's address and port may become. */
export interface NatSpec {
  /** First and last address, int32 words; absent: the address stays. */
  readonly addresses?: readonly [readonly number[], readonly number[]];
  readonly ports?: PortSpec;
}

/** How ports and addresses are chosen. */
export interface NatMode {
  readonly random?: boolean;
  readonly randomFully?: boolean;
  readonly persistent?: boolean;
}

/** The options of a NAT target. */
export type NatTo = NatSpec & NatMode;

export const MODE_OPTIONS: readonly OptionSpec[] = [
  { name: 'random', words: 0 },
  { name: 'random-fully', words: 0 },
  { name: 'persistent', words: 0 },
];

const PORT_PROTOCOLS: readonly number[] = [ip.TCP, ip.UDP, ip.SCTP, ip.DCCP, ip.ICMP];

/** Read the option's word. @throws {ParseError} */
export function parseSpec(given: Given, option: string, shifts: boolean): NatSpec {
  const text = given.text(option);
  const [host, ports] = split(given, option, text);
  return {
    ...(host === '' ? {} : { addresses: parseAddresses(given, option, host) }),
    ...(ports === null ? {} : { ports: parsePorts(given, option, ports, shifts) }),
  };
}

export const parseMode = (given: Given): NatMode => ({
  ...(given.has('random') ? { random: true } : {}),
  ...(given.has('random-fully') ? { randomFully: true } : {}),
  ...(given.has('persistent') ? { persistent: true } : {}),
});

/** Addresses and ports of a word; null when there is no colon before ports. */
function split(given: Given, option: string, text: string): readonly [string, string | null] {
  if (given.family === 'ipv4') {
    const colon = text.indexOf(':');
    return colon < 0 ? [text, null] : [text.slice(0, colon), text.slice(colon + 1)];
  }
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    const rest = text.slice(close + 1);
    if (close < 0 || (rest !== '' && !rest.startsWith(':'))) given.fail(`${text}, expected [address]:port`, option);
    return [text.slice(1, close), rest === '' ? null : rest.slice(1)];
  }
  return /^:[^:]+$/.test(text) ? ['', text.slice(1)] : [text, null];
}

function parseAddresses(given: Given, option: string, host: string): [readonly number[], readonly number[]] {
  const dash = host.indexOf('-');
  const first = parseAddress(given, option, dash < 0 ? host : host.slice(0, dash));
  return [first, dash < 0 ? first : parseAddress(given, option, host.slice(dash + 1))];
}

function parseAddress(given: Given, option: string, text: string): readonly number[] {
  const address = given.family === 'ipv4' ? parse4(text) : parse6(text);
  if (address === undefined) return given.fail(`not an address: ${text}`, option);
  return typeof address === 'number' ? [address] : address;
}

/** `port[-port[/base]]`. @throws {ParseError}, also when the rule's protocol has no ports */
export function parsePorts(given: Given, option: string, text: string, shifts: boolean): PortSpec {
  if (!PORT_PROTOCOLS.includes(given.protocol)) {
    given.fail(`ports without -p tcp, udp, sctp, dccp or icmp: ${text}`, option);
  }
  const [range = '', baseText] = text.split('/', 2);
  const [low = '', high = low] = range.split('-', 2);
  const first = parsePort(given, option, low);
  const last = parsePort(given, option, high);
  if (first > last) given.fail(`port range ${range}, expected first <= last`, option);
  if (baseText === undefined) return { first, last };
  if (!shifts) given.fail(`${text}, expected no base port here`, option);
  return { first, last, base: parsePort(given, option, baseText) };
}

function parsePort(given: Given, option: string, text: string): number {
  const port = parseUint(text) ?? servicePort(text);
  if (port === undefined || port > 65535) return given.fail(`not a port: ${text}`, option);
  return port;
}

/** `first-last/base`, as short as it may be. */
export function formatPorts({ first, last, base }: PortSpec): string {
  const range = first === last ? String(first) : `${first}-${last}`;
  return base === undefined ? range : `${range}/${base}`;
}

/** Inverse of {@link parseSpec}. */
export function formatSpec({ addresses, ports }: NatSpec, family: Family): string {
  const [first, last] = addresses === undefined ? ['', ''] : addresses.map(formatWords);
  const host = first === last ? first! : `${first}-${last}`;
  if (ports === undefined) return host;
  return `${family === 'ipv6' && host !== '' ? `[${host}]` : host}:${formatPorts(ports)}`;
}

/** Words of the mode, each with a space before it. */
export const formatMode = ({ random, randomFully, persistent }: NatMode): string =>
  (random ? ' --random' : '') + (randomFully ? ' --random-fully' : '') + (persistent ? ' --persistent' : '');

/** Integers of a range, for {@link fillRange}. */
export function compileRange({ addresses, ports, random, randomFully, persistent }: NatTo): number[] {
  const flags =
    (addresses === undefined ? 0 : RANGE_MAP_IPS) |
    (ports === undefined ? 0 : RANGE_PROTO_SPECIFIED) |
    (ports?.base === undefined ? 0 : RANGE_PROTO_OFFSET) |
    (random ? RANGE_PROTO_RANDOM : 0) |
    (randomFully ? RANGE_PROTO_RANDOM_FULLY : 0) |
    (persistent ? RANGE_PERSISTENT : 0);
  const [first, last] = addresses ?? [[0], [0]];
  return [flags, ports?.first ?? 0, ports?.last ?? 0, ports?.base ?? 0, ...fourWords(first), ...fourWords(last)];
}

/** The last word last, as a range has it. */
const fourWords = (words: readonly number[]): readonly number[] => (words.length === 1 ? [0, 0, 0, ...words] : words);

/** Fill a range from the integers of {@link compileRange}. Runs per flow: no allocation. */
export function fillRange(range: NatRange, args: Int32Array, at: number): NatRange {
  range.flags = args[at]!;
  range.minProto = args[at + 1]!;
  range.maxProto = args[at + 2]!;
  range.baseProto = args[at + 3]!;
  for (let i = 0; i < 3; i++) {
    range.minHigh[i] = args[at + 4 + i]!;
    range.maxHigh[i] = args[at + 8 + i]!;
  }
  range.min = args[at + 7]!;
  range.max = args[at + 11]!;
  return range;
}
