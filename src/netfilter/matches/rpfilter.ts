/** `-m rpfilter`: would a packet to the source leave where this one came in? net/ipv4/netfilter/ipt_rpfilter.c. @module */
import type { Device } from '../../net/device.ts';
import { FibResult } from '../../net/fib.ts';
import { Flow } from '../../net/flow.ts';
import { RTCF_LOCAL } from '../../net/route.ts';
import { RTN_LOCAL, RTN_UNICAST } from '../../net/rtn.ts';
import * as ipv4 from '../../packet/ipv4.ts';
import type { Packet } from '../../packet/packet.ts';
import type { Evaluation, Match } from '../extension.ts';

/** In the order in which they are printed. */
const OPTIONS = ['loose', 'validmark', 'accept-local', 'invert'] as const;
const [LOOSE, VALID_MARK, ACCEPT_LOCAL, INVERT] = [1, 2, 4, 8] as const;
const LOOPBACK_IFINDEX = 1;

export interface Rpfilter {
  /** Bits by place in {@link OPTIONS}. */
  readonly flags: number;
}

const flow = new Flow();
const result = new FibResult();

const isMulticast = (address: number): boolean => (address & 0xf000_0000) === (0xe000_0000 | 0);
const isLocalMulticast = (address: number): boolean => (address & 0xffff_ff00) === (0xe000_0000 | 0);
const isZeronet = (address: number): boolean => address >>> 24 === 0;

export const rpfilter: Match<Rpfilter> = {
  name: 'rpfilter',
  tables: ['raw', 'mangle'],
  hooks: ['PREROUTING'],
  options: OPTIONS.map((name) => ({ name, words: 0 })),
  parse(given) {
    let flags = 0;
    OPTIONS.forEach((name, i) => {
      if (given.has(name)) flags |= 1 << i;
    });
    return { flags };
  },
  format: ({ flags }) =>
    OPTIONS.filter((_, i) => (flags & (1 << i)) !== 0)
      .map((name) => `--${name}`)
      .join(' '),
  compile: ({ flags }) => [flags],
  test(args, at, pkt, scope) {
    const flags = args[at]!;
    // IPv6 routes are not looked up here: such a packet passes.
    return (scope.family === 'ipv6' || passes(flags, pkt, scope)) !== ((flags & INVERT) !== 0);
  },
};

function passes(flags: number, pkt: Packet, scope: Evaluation): boolean {
  if ((pkt.routeFlags & RTCF_LOCAL) !== 0) return true;
  const { view, l3 } = pkt;
  const src = ipv4.src(view, l3);
  const dst = ipv4.dst(view, l3);
  if (isMulticast(dst) && isZeronet(src)) return isLocalMulticast(dst);
  flow.clear();
  flow.iif = LOOPBACK_IFINDEX;
  flow.dst = src;
  flow.src = isMulticast(dst) || dst === -1 || isZeronet(dst) ? 0 : dst;
  flow.mark = (flags & VALID_MARK) !== 0 ? pkt.mark : 0;
  flow.tos = ipv4.tos(view, l3) & 0xfc;
  return leadsBack(flags, scope, scope.iif);
}

/** rpfilter_lookup_reverse. */
function leadsBack(flags: number, { ns }: Evaluation, dev: Device): boolean {
  if (ns.fib.lookup(flow, result) !== 0) return false;
  const { type, route } = result;
  if (type !== RTN_UNICAST && (type !== RTN_LOCAL || (flags & ACCEPT_LOCAL) === 0)) return false;
  if ((flags & LOOSE) !== 0) return true;
  for (let i = 0; i < route!.nextHops.length; i++) if (route!.nextHops[i]!.dev === dev) return true;
  return false;
}
