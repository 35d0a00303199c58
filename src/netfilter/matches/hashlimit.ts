/** `-m hashlimit`: a limit for each address or port, net/netfilter/xt_hashlimit.c. @module */
import { mask4, mask6 } from '../../packet/address.ts';
import { ETH_P_IPV6 } from '../../packet/ethernet.ts';
import * as ipv4 from '../../packet/ipv4.ts';
import type { Packet } from '../../packet/packet.ts';
import type { Evaluation, Given, Match } from '../extension.ts';
import {
  byteCost,
  HASHLIMIT_SCALE,
  type HashlimitConfig,
  type HashlimitTable,
  HashlimitTables,
  wrappedCredits,
} from '../hashlimit-table.ts';
import {
  BYTE_EXPIRE,
  BYTE_EXPIRE_BURST,
  costToBytes,
  formatByteBurst,
  formatByteRate,
  type HashlimitRate,
  parseBurst,
  parseHashlimitRate,
} from '../hashlimit-text.ts';
import { jiffies } from '../jiffies.ts';
import { oneOf } from '../number.ts';
import { formatRate } from '../rate.ts';

/** Bits of `mode` and their names, in the order in which they are printed. */
const DIP = 1;
const DPT = 2;
const SIP = 4;
const SPT = 8;
const MODES: readonly (readonly [string, number])[] = [
  ['srcip', SIP],
  ['srcport', SPT],
  ['dstip', DIP],
  ['dstport', DPT],
];

const GC_INTERVAL = 1000;
const MAX_NAME = 254;

export interface Hashlimit extends HashlimitConfig {
  readonly above: boolean;
  readonly name: string;
  readonly mode: number;
  /** Prefix lengths. */
  readonly srcMask: number;
  readonly dstMask: number;
}

function parseMode(given: Given): number {
  let mode = 0;
  for (const name of given.text('hashlimit-mode').split(',')) {
    const bit = MODES.find(([known]) => known === name)?.[1];
    if (bit === undefined && name !== '')
      given.fail(`${name}, expected srcip, srcport, dstip, dstport`, 'hashlimit-mode');
    mode |= bit ?? 0;
  }
  return mode;
}

/** When entries expire, unless it was given: as long as the rate's unit. Milliseconds. */
function defaultExpire({ bytes, unit }: HashlimitRate, burst: number): number {
  return (bytes ? (burst === 0 ? BYTE_EXPIRE : BYTE_EXPIRE_BURST) : unit) * 1000;
}

/** The expiry that iptables-save takes for granted when it prints a rate. */
function impliedExpire({ bytes, burst }: Hashlimit, rate: string): number {
  if (bytes) return (burst === 0 ? BYTE_EXPIRE : BYTE_EXPIRE_BURST) * 1000;
  return ({ sec: 1, min: 60, hour: 3600, day: 86_400 }[rate.split('/')[1]!] ?? 1) * 1000;
}

/** hashlimit_mt_check_common: rates that the kernel's arithmetic cannot hold. */
function refuseOverflow(given: Given, option: string, bytes: boolean, avg: number, burst: number): void {
  const overflow = bytes ? byteCost(avg) === 0 : wrappedCredits(avg, burst) < wrappedCredits(avg, 1);
  if (overflow) given.fail(`${given.text(option)} with this burst, expected a lower rate or a smaller burst`, option);
}

export const hashlimit: Match<Hashlimit> = {
  name: 'hashlimit',
  stateful: true,
  options: [
    { name: 'hashlimit-upto', aliases: ['hashlimit'], invert: true },
    { name: 'hashlimit-above', invert: true },
    { name: 'hashlimit-burst' },
    { name: 'hashlimit-mode' },
    { name: 'hashlimit-name', required: true },
    { name: 'hashlimit-srcmask' },
    { name: 'hashlimit-dstmask' },
    { name: 'hashlimit-htable-size' },
    { name: 'hashlimit-htable-max' },
    { name: 'hashlimit-htable-gcinterval' },
    { name: 'hashlimit-htable-expire' },
    { name: 'hashlimit-rate-match', words: 0 },
    { name: 'hashlimit-rate-interval' },
  ],
  parse(given) {
    const option = oneOf(given, ['hashlimit-upto', 'hashlimit-above']);
    if (option === undefined) return given.fail('no rate, expected --hashlimit-upto or --hashlimit-above');
    const rate = parseHashlimitRate(given, option);
    const rateMatch = given.has('hashlimit-rate-match');
    const burst = parseBurst(given, 'hashlimit-burst', rate);
    // A rate match counts per interval: the unit of the rate, whose avg is then that of a second.
    const avg = rateMatch && !rate.bytes ? Math.floor(rate.avg / rate.unit) : rate.avg;
    refuseOverflow(given, option, rate.bytes, avg, burst);
    const bits = given.family === 'ipv4' ? 32 : 128;
    const number = (name: string, value: number, min = 0, max = 0xffff_ffff) =>
      given.has(name) ? given.uint(name, max, min) : value;
    return {
      above: (option === 'hashlimit-above') !== given.inverted(option),
      bytes: rate.bytes,
      rateMatch,
      avg,
      burst,
      interval: rateMatch ? number('hashlimit-rate-interval', rate.bytes ? 1 : rate.unit, 1) : 0,
      mode: parseMode(given),
      name: given.text('hashlimit-name').slice(0, MAX_NAME),
      size: number('hashlimit-htable-size', 0),
      max: number('hashlimit-htable-max', 0),
      gcInterval: number('hashlimit-htable-gcinterval', GC_INTERVAL, 1),
      expire: number('hashlimit-htable-expire', defaultExpire(rate, burst), 1),
      srcMask: number('hashlimit-srcmask', bits, 0, bits),
      dstMask: number('hashlimit-dstmask', bits, 0, bits),
    };
  },
  format(options, family) {
    const { bytes, avg, burst, mode } = options;
    const rate = bytes ? formatByteRate(avg) : formatRate(avg, HASHLIMIT_SCALE);
    const words = [`--hashlimit-${options.above ? 'above' : 'upto'} ${rate}`];
    if (!bytes) words.push(`--hashlimit-burst ${burst}`);
    else if (burst !== 0) words.push(`--hashlimit-burst ${formatByteBurst(costToBytes(avg) * burst)}`);
    const names = MODES.filter(([, bit]) => (mode & bit) !== 0).map(([name]) => name);
    if (names.length > 0) words.push(`--hashlimit-mode ${names.join(',')}`);
    words.push(`--hashlimit-name ${options.name}`);
    const number = (name: string, value: number, implied: number) => {
      if (value !== implied) words.push(`--hashlimit-${name} ${value}`);
    };
    number('htable-size', options.size, 0);
    number('htable-max', options.max, 0);
    number('htable-gcinterval', options.gcInterval, GC_INTERVAL);
    number('htable-expire', options.expire, impliedExpire(options, rate));
    number('srcmask', options.srcMask, family === 'ipv4' ? 32 : 128);
    number('dstmask', options.dstMask, family === 'ipv4' ? 32 : 128);
    if (options.rateMatch) {
      words.push('--hashlimit-rate-match');
      number('rate-interval', options.interval, 1);
    }
    return words.join(' ');
  },
  compile(options, to) {
    const table = to.object(({ ns }) =>
      ns.generic(HashlimitTables).get(to.family, options.name, options, jiffies(ns.clock)),
    );
    const mask = (length: number) => (to.family === 'ipv4' ? [mask4(length), 0, 0, 0] : mask6(length));
    return [table, options.mode, Number(options.above), ...mask(options.srcMask), ...mask(options.dstMask)];
  },
  test(args, at, pkt, scope) {
    const table = scope.objects[args[at]!] as HashlimitTable;
    if (!fillKey(table.key, args, at + 1, pkt, scope)) {
      scope.hotdrop = true;
      return false;
    }
    const answer = table.charge(jiffies(scope.ns.clock), pkt.end - pkt.l3);
    if (answer < 0) scope.hotdrop = true;
    return answer >= 0 && (answer === 0) === (args[at + 2] === 1);
  },
};

/** hashlimit_init_dst. `args[at]` is the mode, two masks stand behind it. False when the ports are cut off. */
function fillKey(key: Int32Array, args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean {
  const mode = args[at]!;
  const { view, l3 } = pkt;
  const v6 = pkt.protocol === ETH_P_IPV6;
  const words = v6 ? 4 : 1;
  const src = l3 + (v6 ? 8 : 12);
  key.fill(0);
  for (let i = 0; i < words; i++) {
    if ((mode & SIP) !== 0) key[i] = view.getInt32(src + 4 * i) & args[at + 2 + i]!;
    if ((mode & DIP) !== 0) key[4 + i] = view.getInt32(src + 4 * (words + i)) & args[at + 6 + i]!;
  }
  if ((mode & (SPT | DPT)) === 0) return true;
  const ports = portsOffset(scope.protocol);
  if (ports < 0) return true;
  if (pkt.l4 + ports + 4 > pkt.end) return false;
  const both = view.getInt32(pkt.l4 + ports);
  key[8] = both & (((mode & SPT) !== 0 ? 0xffff_0000 : 0) | ((mode & DPT) !== 0 ? 0xffff : 0));
  return true;
}

/** proto_ports_offset: where a transport has its ports, -1 if it has none. */
function portsOffset(protocol: number): number {
  switch (protocol) {
    case ipv4.TCP:
    case ipv4.UDP:
    case ipv4.DCCP:
    case ipv4.ESP:
    case ipv4.SCTP:
    case ipv4.UDPLITE:
      return 0;
    case ipv4.AH:
      return 4;
    default:
      return -1;
  }
}
