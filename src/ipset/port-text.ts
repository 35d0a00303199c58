/** `[proto:]port[-port]` both ways: ipset_parse_proto_port and ipset_print_proto_port of ipset's lib. @module */
import { protocolName, protocolNumber } from '../packet/protocols.ts';
import { servicePort } from '../packet/services.ts';
import { formatIcmp, parseIcmp } from './icmp-names.ts';
import { parseUint } from './number.ts';
import { hasPorts } from './packet-fields.ts';

const TCP = 6;
const ICMP = 1;
const ICMPV6 = 58;

/** Ports of a protocol, first and last. */
export interface PortRange {
  readonly protocol: number;
  readonly ports: readonly [number, number];
}

/** What is wrong with a text: `fail` throws. */
type Fail = (message: string) => never;

/** A number, a service, or a service in brackets. */
function parsePort(text: string, fail: Fail): number {
  const name = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  const port = parseUint(name, 65_535) ?? servicePort(name);
  return port ?? fail(`port ${text}, expected 0 to 65535 or the name of a service`);
}

/** `80`, `80-90`, `http`, `[ftp-data]-[ftp]`, in ascending order. */
export function parsePorts(text: string, fail: Fail): readonly [number, number] {
  const match = /^(\[[^\]]*\]|[^-]*)-(.+)$/.exec(text);
  const whole = match === null || servicePort(text) !== undefined;
  const first = parsePort(whole ? text : match[1]!, fail);
  const last = whole ? first : parsePort(match[2]!, fail);
  return first <= last ? [first, last] : [last, first];
}

/** @param inet6 the family of the set */
export function parseProtocolPort(text: string, inet6: boolean, fail: Fail): PortRange {
  const colon = text.indexOf(':');
  if (colon < 0) return { protocol: TCP, ports: parsePorts(text, fail) };
  const name = text.slice(0, colon);
  const rest = text.slice(colon + 1);
  const protocol = protocolNumber(name);
  if (protocol === undefined) return fail(`protocol ${name}, expected a name or a number up to 255`);
  if (hasPorts(protocol)) return { protocol, ports: parsePorts(rest, fail) };
  if (protocol === ICMP || protocol === ICMPV6) return { protocol, ports: parseType(protocol, rest, inet6, fail) };
  if (rest !== '0') return fail(`port ${rest} of protocol ${name}, which has none, expected 0`);
  return { protocol, ports: [0, 0] };
}

function parseType(protocol: number, text: string, inet6: boolean, fail: Fail): readonly [number, number] {
  if ((protocol === ICMPV6) !== inet6) return fail(`${protocolName(protocol)} in a set of the other family`);
  const value = parseIcmp(text, inet6);
  return value === undefined ? fail(`ICMP type ${text}, expected a name or type/code`) : [value, value];
}

/** `tcp:80`, `icmp:echo-request`, `gre:0`. */
export function formatProtocolPort(protocol: number, port: number): string {
  const icmp = protocol === ICMP || protocol === ICMPV6;
  return `${protocolName(protocol)}:${icmp ? formatIcmp(port, protocol === ICMPV6) : port}`;
}
