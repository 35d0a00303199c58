/** Ports as the matches of transport protocols test and print them: port_match of net/netfilter/xt_tcpudp.c. @module */
import type { Packet } from '../packet/packet.ts';
import type { Given, OptionSpec } from './extension.ts';
import { bang, formatRange } from './number.ts';

/** First and last port, both in it. */
export interface PortTest {
  readonly range: readonly [number, number];
  readonly invert: boolean;
}

const ALL: PortTest = { range: [0, 65535], invert: false };

/** `--sport` and `--dport` with their long spellings. */
export const PORT_OPTIONS: readonly OptionSpec[] = [
  { name: 'sport', aliases: ['source-port'], invert: true },
  { name: 'dport', aliases: ['destination-port'], invert: true },
];

/** The port test of an option, every port when it was not given. */
export const parsePorts = (given: Given, option: 'sport' | 'dport'): PortTest =>
  given.has(option) ? { range: given.portRange(option), invert: given.inverted(option) } : ALL;

export const isAll = ({ range: [first, last] }: PortTest): boolean => first === 0 && last === 65535;

/** Was anything but every port asked for? */
export const isAsking = (test: PortTest): boolean => test.invert || !isAll(test);

/** The option as iptables-save prints it, or nothing: a test for every port is not printed, inverted or not. */
export function formatPorts(option: 'sport' | 'dport', test: PortTest): string[] {
  return isAll(test) ? [] : [`${bang(test.invert)}--${option} ${formatRange(test.range)}`];
}

/** As {@link parsePorts} and {@link formatPorts} where a test for every port is kept when it was given (sctp, dccp). */
export const parseGivenPorts = (given: Given, option: 'sport' | 'dport'): PortTest | null =>
  given.has(option) ? parsePorts(given, option) : null;

export const formatGivenPorts = (option: 'sport' | 'dport', test: PortTest | null): string[] =>
  test === null ? [] : [`${bang(test.invert)}--${option} ${formatRange(test.range)}`];

/** A test in four integers: given, first, last, inverted. */
export const compilePorts = (test: PortTest | null): number[] =>
  test === null ? [0, 0, 0, 0] : [1, ...test.range, Number(test.invert)];

const testPort = (args: Int32Array, at: number, port: number): boolean =>
  args[at] === 0 || (port >= args[at + 1]! && port <= args[at + 2]!) !== (args[at + 3] === 1);

/** Do both ports pass, whose tests stand one behind the other? Runs per packet: no allocation. */
export const testPorts = (args: Int32Array, at: number, { view, l4 }: Packet): boolean =>
  testPort(args, at, view.getUint16(l4)) && testPort(args, at + 4, view.getUint16(l4 + 2));
