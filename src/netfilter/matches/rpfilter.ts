/** `-m rpfilter`: would a packet to the source leave where this one came in? ipt_rpfilter.c and ip6t_rpfilter.c. @module */

import type { Device } from '../../net/device.ts';
import { FibResult } from '../../net/fib.ts';
import { uses } from '../../net/fib-route.ts';
import { Fib6Result } from '../../net/fib6.ts';
import { Flow } from '../../net/flow.ts';
import { Flow6 } from '../../net/flow6.ts';
import { isMulticast as in6IsMulticast, isAny, isLinkLocal, readIn6 } from '../../net/in6.ts';
import { RTCF_LOCAL } from '../../net/route.ts';
import { RTN_ANYCAST, RTN_LOCAL, RTN_UNICAST } from '../../net/rtn.ts';
import * as ipv4 from '../../packet/ipv4.ts';
import * as ipv6 from '../../packet/ipv6.ts';
import type { Packet } from '../../packet/packet.ts';
import type { Evaluation, Match } from '../extension.ts';
import { flagOptions, formatFlags, parseFlags } from '../flag-options.ts';

/** In the order in which they are printed. */
const OPTIONS = ['loose', 'validmark', 'accept-local', 'invert'] as const;
const [LOOSE, VALID_MARK, ACCEPT_LOCAL, INVERT] = [1, 2, 4, 8] as const;
const LOOPBACK_IFINDEX = 1;
const LIMITED_BROADCAST = -1;

export interface Rpfilter {
  /** Bits by place in {@link OPTIONS}. */
  readonly flags: number;
}

const flow = new Flow();
const result = new FibResult();
const flow6 = new Flow6();
const result6 = new Fib6Result();

const isMulticast = (address: number): boolean => (address & 0xf000_0000) === (0xe000_0000 | 0);
const isLocalMulticast = (address: number): boolean => (address & 0xffff_ff00) === (0xe000_0000 | 0);
const isZeronet = (address: number): boolean => address >>> 24 === 0;

export const rpfilter: Match<Rpfilter> = {
  name: 'rpfilter',
  tables: ['raw', 'mangle'],
  hooks: ['PREROUTING'],
  options: flagOptions(OPTIONS),
  parse: (given) => ({ flags: parseFlags(given, OPTIONS) }),
  format: ({ flags }) => formatFlags(flags, OPTIONS).join(' '),
  compile: ({ flags }) => [flags],
  test(args, at, pkt, scope) {
    const flags = args[at]!;
    const passed = scope.family === 'ipv6' ? passes6(flags, pkt, scope) : passes(flags, pkt, scope);
    return passed !== ((flags & INVERT) !== 0);
  },
};

function passes(flags: number, pkt: Packet, scope: Evaluation): boolean {
  if ((pkt.routeFlags & RTCF_LOCAL) !== 0) return true;
  const { view, l3 } = pkt;
  const src = ipv4.src(view, l3);
  const dst = ipv4.dst(view, l3);
  if (isZeronet(src) && (dst === LIMITED_BROADCAST || isLocalMulticast(dst))) return true;
  flow.clear();
  flow.iif = LOOPBACK_IFINDEX;
  flow.dst = src;
  flow.src = isMulticast(dst) || dst === LIMITED_BROADCAST || isZeronet(dst) ? 0 : dst;
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
  return uses(route!, dev);
}

/** ip6t_rpfilter.c: rpfilter_mt and rpfilter_lookup_reverse6. */
function passes6(flags: number, pkt: Packet, { ns, iif: dev }: Evaluation): boolean {
  if (dev.loopback || ns.ipv6 === null) return true;
  const { view, l3 } = pkt;
  flow6.clear();
  // The forwarding path drops what has no source.
  if (isAny(readIn6(view, l3 + ipv6.SRC, flow6.dst))) return true;
  readIn6(view, l3 + ipv6.DST, flow6.src);
  if (in6IsMulticast(flow6.src[0]!) || isAny(flow6.src)) flow6.src.fill(0);
  flow6.iif = LOOPBACK_IFINDEX;
  flow6.mark = (flags & VALID_MARK) !== 0 ? pkt.mark : 0;
  const near = isLinkLocal(flow6.dst[0]!);
  const oif = near || (flags & LOOSE) === 0 ? dev.index : 0;
  if (ns.ipv6.fib.lookup(flow6, oif, near, result6) !== 0) return false;
  const { route, hop } = result6;
  if (route!.type === RTN_ANYCAST || (route!.type === RTN_LOCAL && (flags & ACCEPT_LOCAL) === 0)) return false;
  return (flags & LOOSE) !== 0 || hop!.dev === dev;
}
