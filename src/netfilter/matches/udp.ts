/** `-m udp`: ports of a UDP header; udp_mt of net/netfilter/xt_tcpudp.c. @module */
import type { Packet } from '../../packet/packet.ts';
import * as udpHeader from '../../packet/udp.ts';
import type { Evaluation, Match } from '../extension.ts';
import { formatPorts, isAll, isAsking, PORT_OPTIONS, type PortTest, parsePorts } from '../port-match.ts';

export interface Udp {
  readonly sport: PortTest;
  readonly dport: PortTest;
}

const [SPORT_LOW, SPORT_HIGH, DPORT_LOW, DPORT_HIGH, INVERT, NATIVE] = [0, 1, 2, 3, 4, 5] as const;
const [INVERT_SPORT, INVERT_DPORT] = [1, 2] as const;

/** iptables-nft makes payload expressions of it when it asks for a port. */
export const isNativeUdp = ({ sport, dport }: Udp): boolean => isAsking(sport) || isAsking(dport);

export const udp: Match<Udp> = {
  name: 'udp',
  protocols: [17],
  options: PORT_OPTIONS,
  parse: (given) => ({ sport: parsePorts(given, 'sport'), dport: parsePorts(given, 'dport') }),
  format: ({ sport, dport }) => [...formatPorts('sport', sport), ...formatPorts('dport', dport)].join(' '),
  compile({ sport, dport }, to) {
    const native = to.backend === 'nft' && isNativeUdp({ sport, dport });
    // As expressions, a test for every port is left out even when it is inverted.
    const invert =
      (sport.invert && !(native && isAll(sport)) ? INVERT_SPORT : 0) |
      (dport.invert && !(native && isAll(dport)) ? INVERT_DPORT : 0);
    return [...sport.range, ...dport.range, invert, Number(native)];
  },
  test: testUdp,
};

/** Runs per packet: no allocation. */
export function testUdp(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean {
  if (scope.fragmentOffset !== 0 || pkt.l4 + udpHeader.HEADER_LEN > pkt.end) return testCut(args, at, pkt, scope);
  const { view, l4 } = pkt;
  const invert = args[at + INVERT]!;
  const dport = udpHeader.dstPort(view, l4);
  if ((dport >= args[at + DPORT_LOW]! && dport <= args[at + DPORT_HIGH]!) === ((invert & INVERT_DPORT) !== 0))
    return false;
  const sport = udpHeader.srcPort(view, l4);
  return (sport >= args[at + SPORT_LOW]! && sport <= args[at + SPORT_HIGH]!) !== ((invert & INVERT_SPORT) !== 0);
}

/**
 * A later fragment, or a header that is cut short. A payload expression that finds its bytes missing does not match; it takes
 * what stands at their place in a later fragment for them (nft_payload_fast_eval does not ask for the offset).
 */
function testCut(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean {
  if (args[at + NATIVE] === 0) {
    if (scope.fragmentOffset === 0) scope.hotdrop = true;
    return false;
  }
  const wantsSport = args[at + SPORT_LOW] !== 0 || args[at + SPORT_HIGH] !== 65535;
  const wantsDport = args[at + DPORT_LOW] !== 0 || args[at + DPORT_HIGH] !== 65535;
  if (!wantsSport && !wantsDport) return true;
  const { view, l4, end } = pkt;
  const invert = args[at + INVERT]!;
  if (wantsSport) {
    if (l4 + 2 > end) return false;
    const sport = udpHeader.srcPort(view, l4);
    if ((sport >= args[at + SPORT_LOW]! && sport <= args[at + SPORT_HIGH]!) === ((invert & INVERT_SPORT) !== 0))
      return false;
  }
  if (!wantsDport) return true;
  if (l4 + 4 > end) return false;
  const dport = udpHeader.dstPort(view, l4);
  return (dport >= args[at + DPORT_LOW]! && dport <= args[at + DPORT_HIGH]!) !== ((invert & INVERT_DPORT) !== 0);
}
