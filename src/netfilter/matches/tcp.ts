/** `-m tcp`: ports, flags and options of a TCP header; tcp_mt of net/netfilter/xt_tcpudp.c. @module */
import type { Packet } from '../../packet/packet.ts';
import * as tcpHeader from '../../packet/tcp.ts';
import type { Evaluation, Given, Match } from '../extension.ts';
import { bang } from '../number.ts';
import { formatPorts, isAll, isAsking, PORT_OPTIONS, type PortTest, parsePorts } from '../port-match.ts';

export interface Tcp {
  readonly sport: PortTest;
  readonly dport: PortTest;
  /** The header's flags under `mask` are `value`. */
  readonly flags: { readonly mask: number; readonly value: number; readonly invert: boolean };
  /** The kind of an option that is there; 0 asks for none. */
  readonly option: { readonly kind: number; readonly invert: boolean };
}

const FLAG_NAMES = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;
const SYN_MASK = tcpHeader.FIN | tcpHeader.SYN | tcpHeader.RST | tcpHeader.ACK;

const [SPORT_LOW, SPORT_HIGH, DPORT_LOW, DPORT_HIGH, MASK, VALUE, OPTION, INVERT, NATIVE] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8,
] as const;
const [INVERT_SPORT, INVERT_DPORT, INVERT_FLAGS, INVERT_OPTION] = [1, 2, 4, 8] as const;

function parseFlags(given: Given, index: number): number {
  let bits = 0;
  for (const name of given.text('tcp-flags', index).split(',')) {
    const i = (FLAG_NAMES as readonly string[]).indexOf(name.toUpperCase());
    if (i >= 0) bits |= 1 << i;
    else if (name.toUpperCase() === 'ALL') bits |= 0x3f;
    else if (name.toUpperCase() !== 'NONE')
      given.fail(`TCP flag ${name}, expected ${FLAG_NAMES.join(', ')}, ALL or NONE`, 'tcp-flags');
  }
  return bits;
}

const flagNames = (bits: number): string => FLAG_NAMES.filter((_, i) => (bits & (1 << i)) !== 0).join(',') || 'NONE';

/** What was not asked for, the same object in all rules. */
const ANY_FLAGS: Tcp['flags'] = { mask: 0, value: 0, invert: false };
const ANY_OPTION: Tcp['option'] = { kind: 0, invert: false };

function parseFlagTest(given: Given): Tcp['flags'] {
  if (given.has('syn') && given.has('tcp-flags'))
    given.fail('--tcp-flags beside --syn, expected one of them', 'tcp-flags');
  if (given.has('syn')) return { mask: SYN_MASK, value: tcpHeader.SYN, invert: given.inverted('syn') };
  if (!given.has('tcp-flags')) return ANY_FLAGS;
  return { mask: parseFlags(given, 0), value: parseFlags(given, 1), invert: given.inverted('tcp-flags') };
}

/** iptables-nft makes payload expressions of it unless it asks for nothing, or for an option. */
export const isNativeTcp = ({ sport, dport, flags, option }: Tcp): boolean =>
  option.kind === 0 &&
  !option.invert &&
  (isAsking(sport) || isAsking(dport) || flags.mask !== 0 || flags.value !== 0 || flags.invert);

export const tcp: Match<Tcp> = {
  name: 'tcp',
  protocols: [6],
  options: [
    ...PORT_OPTIONS,
    { name: 'syn', words: 0, invert: true },
    { name: 'tcp-flags', words: 2, invert: true },
    { name: 'tcp-option', invert: true },
  ],
  parse: (given) => ({
    sport: parsePorts(given, 'sport'),
    dport: parsePorts(given, 'dport'),
    flags: parseFlagTest(given),
    option: given.has('tcp-option')
      ? { kind: given.uint('tcp-option', 255, 1), invert: given.inverted('tcp-option') }
      : ANY_OPTION,
  }),
  format({ sport, dport, flags, option }) {
    const words = [...formatPorts('sport', sport), ...formatPorts('dport', dport)];
    if (option.kind !== 0) words.push(`${bang(option.invert)}--tcp-option ${option.kind}`);
    if (flags.mask !== 0 || flags.invert) {
      words.push(`${bang(flags.invert)}--tcp-flags ${flagNames(flags.mask)} ${flagNames(flags.value)}`);
    }
    return words.join(' ');
  },
  compile(options, to) {
    const { sport, dport, flags, option } = options;
    const native = to.backend === 'nft' && isNativeTcp(options);
    // As expressions, a test for every port, and one of no flag, are left out even when they are inverted.
    const ignoreFlags = native && flags.mask === 0;
    const invert =
      (sport.invert && !(native && isAll(sport)) ? INVERT_SPORT : 0) |
      (dport.invert && !(native && isAll(dport)) ? INVERT_DPORT : 0) |
      (flags.invert && !ignoreFlags ? INVERT_FLAGS : 0) |
      (option.invert ? INVERT_OPTION : 0);
    const value = ignoreFlags ? 0 : flags.value;
    return [...sport.range, ...dport.range, flags.mask, value, option.kind, invert, Number(native)];
  },
  test: testTcp,
};

/** Runs per packet: no allocation. */
export function testTcp(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean {
  if (scope.fragmentOffset !== 0 || pkt.l4 + tcpHeader.HEADER_LEN > pkt.end) return testCut(args, at, pkt, scope);
  const { view, l4 } = pkt;
  const invert = args[at + INVERT]!;
  const dport = tcpHeader.dstPort(view, l4);
  if ((dport >= args[at + DPORT_LOW]! && dport <= args[at + DPORT_HIGH]!) === ((invert & INVERT_DPORT) !== 0))
    return false;
  const sport = tcpHeader.srcPort(view, l4);
  if ((sport >= args[at + SPORT_LOW]! && sport <= args[at + SPORT_HIGH]!) === ((invert & INVERT_SPORT) !== 0))
    return false;
  const flags = tcpHeader.flags(view, l4) & args[at + MASK]!;
  if ((flags === args[at + VALUE]!) === ((invert & INVERT_FLAGS) !== 0)) return false;
  return args[at + OPTION] === 0 || testOption(args, at, pkt, scope);
}

/**
 * A later fragment, or a header that is cut short. A payload expression that finds its bytes missing does not match; it takes
 * what stands at their place in a later fragment for them (nft_payload_fast_eval does not ask for the offset).
 */
function testCut(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean {
  if (args[at + NATIVE] === 0) {
    // A fragment that begins inside the TCP header is an attempt to overwrite it; IPv6's offset of 1 never comes, in bytes.
    const evil = scope.family === 'ipv4' && scope.fragmentOffset === 8;
    if (scope.fragmentOffset === 0 || evil) scope.hotdrop = true;
    return false;
  }
  const wantsFlags = args[at + MASK] !== 0 || args[at + VALUE] !== 0;
  const wantsDport = args[at + DPORT_LOW] !== 0 || args[at + DPORT_HIGH] !== 65535;
  const wantsSport = args[at + SPORT_LOW] !== 0 || args[at + SPORT_HIGH] !== 65535;
  if (!wantsFlags && !wantsDport && !wantsSport) return true;
  const { view, l4, end } = pkt;
  const invert = args[at + INVERT]!;
  if (wantsSport) {
    if (l4 + 2 > end) return false;
    const sport = tcpHeader.srcPort(view, l4);
    if ((sport >= args[at + SPORT_LOW]! && sport <= args[at + SPORT_HIGH]!) === ((invert & INVERT_SPORT) !== 0))
      return false;
  }
  if (wantsDport) {
    if (l4 + 4 > end) return false;
    const dport = tcpHeader.dstPort(view, l4);
    if ((dport >= args[at + DPORT_LOW]! && dport <= args[at + DPORT_HIGH]!) === ((invert & INVERT_DPORT) !== 0))
      return false;
  }
  if (!wantsFlags) return true;
  if (l4 + 14 > end) return false;
  return ((tcpHeader.flags(view, l4) & args[at + MASK]!) === args[at + VALUE]!) !== ((invert & INVERT_FLAGS) !== 0);
}

/** tcp_find_option. */
function testOption(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean {
  const { view, l4 } = pkt;
  const invert = (args[at + INVERT]! & INVERT_OPTION) !== 0;
  const end = l4 + tcpHeader.headerLength(view, l4);
  if (end < l4 + tcpHeader.HEADER_LEN || end > pkt.end) {
    scope.hotdrop = true;
    return false;
  }
  let i = l4 + tcpHeader.HEADER_LEN;
  while (i < end) {
    const kind = view.getUint8(i);
    if (kind === args[at + OPTION]) return !invert;
    i += kind < 2 || i + 1 >= end ? 1 : view.getUint8(i + 1) || 1;
  }
  return invert;
}
