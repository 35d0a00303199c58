/** `-m connlimit`: how many connections a host or a network has; net/netfilter/xt_connlimit.c. @module */
import { ORIGINAL, ZONE_DIR_BOTH } from '../../conntrack/status.ts';
import { IPV4, IPV6, readTuple, Transport, Tuple } from '../../conntrack/tuple.ts';
import { mask4, mask6, parse4, prefixLength4 } from '../../packet/address.ts';
import * as ip from '../../packet/ipv4.ts';
import * as ip6 from '../../packet/ipv6.ts';
import type { Packet } from '../../packet/packet.ts';
import { ConnectionCount } from '../connection-count.ts';
import type { Evaluation, Given, Match } from '../extension.ts';
import { oneOf } from '../number.ts';

export interface ConnlimitTest {
  readonly limit: number;
  /** True when there are no more than that. */
  readonly upto: boolean;
  /** Prefix length that makes hosts one, bits. */
  readonly mask: number;
  readonly daddr: boolean;
}

function parseMask(given: Given): number {
  const full = given.family === 'ipv4' ? 32 : 128;
  if (!given.has('connlimit-mask')) return full;
  const text = given.text('connlimit-mask');
  const dotted = given.family === 'ipv4' && text.includes('.') ? parse4(text) : undefined;
  const length = dotted === undefined ? given.uint('connlimit-mask', full) : prefixLength4(dotted);
  return length < 0 ? given.fail(`not a mask: ${text}`, 'connlimit-mask') : length;
}

export const connlimit: Match<ConnlimitTest> = {
  name: 'connlimit',
  needsConntrack: true,
  stateful: true,
  options: [
    { name: 'connlimit-upto', invert: true },
    { name: 'connlimit-above', invert: true },
    { name: 'connlimit-mask' },
    { name: 'connlimit-saddr', words: 0 },
    { name: 'connlimit-daddr', words: 0 },
  ],
  parse(given) {
    const option = oneOf(given, ['connlimit-above', 'connlimit-upto']);
    if (option === undefined) return given.fail('connlimit, expected --connlimit-upto or --connlimit-above');
    const daddr = oneOf(given, ['connlimit-saddr', 'connlimit-daddr']) === 'connlimit-daddr';
    const upto = (option === 'connlimit-upto') !== given.inverted(option);
    return { limit: given.uint(option), upto, mask: parseMask(given), daddr };
  },
  format: ({ limit, upto, mask, daddr }) =>
    `--connlimit-${upto ? 'upto' : 'above'} ${limit} --connlimit-mask ${mask} --connlimit-${daddr ? 'daddr' : 'saddr'}`,
  compile({ limit, upto, mask, daddr }, to) {
    const words = to.family === 'ipv4' ? [mask4(mask), 0, 0, 0] : mask6(mask);
    return [to.object((scope) => new Limit(scope)), limit | 0, Number(upto), Number(daddr), ...words];
  },
  test(args, at, pkt, scope) {
    const connections = (scope.objects[args[at]!] as Limit).count(args, at, pkt, scope);
    return connections > 0 && connections > args[at + 1]! >>> 0 !== (args[at + 2] === 1);
  },
};

/** The counts of one rule, and where its packets' keys are made. */
class Limit {
  private readonly counts: ConnectionCount;
  private readonly tuple = new Tuple();
  private readonly transport = new Transport();
  /** The address under the mask, and the zone. */
  private readonly key = new Int32Array(5);

  constructor(scope: Evaluation) {
    this.counts = new ConnectionCount(scope.conntrack);
  }

  /** 0, and hotdrop, when the packet has no tuple. */
  count(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): number {
    const { table } = scope.conntrack;
    const { tuple, key } = this;
    const tracked = pkt.ct >= 0;
    if (tracked) table.getTuple(pkt.ct, ORIGINAL, tuple);
    else if (!this.read(pkt, scope)) {
      scope.hotdrop = true;
      return 0;
    }
    const zone = tracked ? table.zone[pkt.ct]! : 0;
    const words = scope.family === 'ipv4' ? 1 : 4;
    for (let i = 0; i < 4; i++) key[i] = i < words ? word(pkt, scope, args[at + 3]!, i) & args[at + 4 + i]! : 0;
    key[4] = zone;
    return this.counts.count(key, tuple, zone, tracked ? table.zoneDir[pkt.ct]! : ZONE_DIR_BOTH);
  }

  private read(pkt: Packet, scope: Evaluation): boolean {
    const family = scope.family === 'ipv4' ? IPV4 : IPV6;
    const { view, l3, end } = pkt;
    return this.transport.find(view, l3, end, family) && readTuple(view, l3, end, family, this.transport, this.tuple);
  }
}

function word({ view, l3 }: Packet, scope: Evaluation, daddr: number, i: number): number {
  if (scope.family === 'ipv4') return daddr === 1 ? ip.dst(view, l3) : ip.src(view, l3);
  return daddr === 1 ? ip6.dstWord(view, l3, i) : ip6.srcWord(view, l3, i);
}
