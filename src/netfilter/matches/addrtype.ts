/** `-m addrtype`: what kind of address the routing tables say it is; net/netfilter/xt_addrtype.c. @module */

import type { Device } from '../../net/device.ts';
import * as ipv4 from '../../packet/ipv4.ts';
import * as ipv6 from '../../packet/ipv6.ts';
import type { Packet } from '../../packet/packet.ts';
import type { Evaluation, Given, Match } from '../extension.ts';
import { bang } from '../number.ts';

/** Bits of RTN_* numbers, and whether they are inverted. */
export interface TypeTest {
  readonly types: number;
  readonly invert: boolean;
}

export interface AddrType {
  readonly src: TypeTest | null;
  readonly dst: TypeTest | null;
  /** Only addresses of the packet's incoming or outgoing device are LOCAL. */
  readonly limit: 'in' | 'out' | null;
}

const TYPES = [
  'UNSPEC',
  'UNICAST',
  'LOCAL',
  'BROADCAST',
  'ANYCAST',
  'MULTICAST',
  'BLACKHOLE',
  'UNREACHABLE',
  'PROHIBIT',
  'THROW',
  'NAT',
  'XRESOLVE',
] as const;

const ONLY_IPV4: readonly string[] = ['BROADCAST', 'BLACKHOLE', 'PROHIBIT', 'THROW', 'NAT', 'XRESOLVE'];
const [UNSPEC, UNICAST, LOCAL, ANYCAST, MULTICAST, UNREACHABLE] = [1, 2, 4, 16, 32, 128] as const;
/** Types that a routing table tells. */
const ROUTED = LOCAL | ANYCAST | UNREACHABLE;

const [SRC, DST, FLAGS] = [0, 1, 2] as const;
const [INVERT_SRC, INVERT_DST, LIMIT_IN, LIMIT_OUT] = [1, 2, 4, 8] as const;

function parseTypes(given: Given, option: 'src-type' | 'dst-type'): TypeTest | null {
  if (!given.has(option)) return null;
  let types = 0;
  for (const text of given.text(option).split(',')) {
    const i = text === '' ? -1 : TYPES.findIndex((name) => name.startsWith(text.toUpperCase()));
    if (i < 0) given.fail(`address type ${text}, expected ${TYPES.join(', ')}`, option);
    if (given.family === 'ipv6' && ONLY_IPV4.includes(TYPES[i]!)) {
      given.fail(
        `address type ${TYPES[i]} in IPv6, expected one of ${TYPES.filter((name) => !ONLY_IPV4.includes(name))}`,
        option,
      );
    }
    types |= 1 << i;
  }
  return { types, invert: given.inverted(option) };
}

function parseLimit(given: Given): AddrType['limit'] {
  const [into, out] = [given.has('limit-iface-in'), given.has('limit-iface-out')];
  if (into && out) given.fail('--limit-iface-out beside --limit-iface-in, expected one of them', 'limit-iface-out');
  if (into && (given.chain === 'OUTPUT' || given.chain === 'POSTROUTING')) {
    given.fail(`--limit-iface-in in ${given.chain}, expected --limit-iface-out`, 'limit-iface-in');
  }
  if (out && (given.chain === 'PREROUTING' || given.chain === 'INPUT')) {
    given.fail(`--limit-iface-out in ${given.chain}, expected --limit-iface-in`, 'limit-iface-out');
  }
  if (into) return 'in';
  return out ? 'out' : null;
}

function formatTypes(option: string, test: TypeTest | null): string[] {
  if (test === null) return [];
  return [`${bang(test.invert)}--${option} ${TYPES.filter((_, i) => (test.types & (1 << i)) !== 0).join(',')}`];
}

export const addrtype: Match<AddrType> = {
  name: 'addrtype',
  options: [
    { name: 'src-type', invert: true },
    { name: 'dst-type', invert: true },
    { name: 'limit-iface-in', words: 0 },
    { name: 'limit-iface-out', words: 0 },
  ],
  parse(given) {
    const [src, dst] = [parseTypes(given, 'src-type'), parseTypes(given, 'dst-type')];
    if (src === null && dst === null) given.fail('addrtype without a type, expected --src-type or --dst-type');
    return { src, dst, limit: parseLimit(given) };
  },
  format({ src, dst, limit }) {
    const words = [...formatTypes('src-type', src), ...formatTypes('dst-type', dst)];
    if (limit !== null) words.push(`--limit-iface-${limit}`);
    return words.join(' ');
  },
  compile({ src, dst, limit }) {
    const limits = { in: LIMIT_IN, out: LIMIT_OUT };
    const flags = (src?.invert === true ? INVERT_SRC : 0) | (dst?.invert === true ? INVERT_DST : 0);
    return [src?.types ?? 0, dst?.types ?? 0, flags | (limit === null ? 0 : limits[limit])];
  },
  test(args, at, pkt, scope) {
    if (scope.family === 'ipv6') return test6(args, at, pkt, scope);
    const flags = args[at + FLAGS]!;
    const { ip } = scope.ns;
    let dev: typeof scope.iif | undefined;
    if ((flags & LIMIT_IN) !== 0) dev = scope.iif;
    else if ((flags & LIMIT_OUT) !== 0) dev = scope.oif;
    if (args[at + SRC] !== 0) {
      const type = 1 << ip.addressType(ipv4.src(pkt.view, pkt.l3), dev);
      if (((args[at + SRC]! & type) !== 0) === ((flags & INVERT_SRC) !== 0)) return false;
    }
    if (args[at + DST] === 0) return true;
    const type = 1 << ip.addressType(ipv4.dst(pkt.view, pkt.l3), dev);
    return ((args[at + DST]! & type) !== 0) !== ((flags & INVERT_DST) !== 0);
  },
};

function test6(args: Int32Array, at: number, pkt: Packet, scope: Evaluation): boolean {
  const flags = args[at + FLAGS]!;
  const src = args[at + SRC]!;
  const dst = args[at + DST]!;
  let dev: Device | null = null;
  if ((flags & LIMIT_IN) !== 0) dev = scope.iif;
  else if ((flags & LIMIT_OUT) !== 0) dev = scope.oif;
  if (src !== 0 && isType6(pkt, pkt.l3 + ipv6.SRC, src, dev, scope) === ((flags & INVERT_SRC) !== 0)) return false;
  return dst === 0 || isType6(pkt, pkt.l3 + ipv6.DST, dst, dev, scope) !== ((flags & INVERT_DST) !== 0);
}

/** match_type6. */
function isType6(pkt: Packet, at: number, types: number, dev: Device | null, { ns }: Evaluation): boolean {
  const { view } = pkt;
  const isMulticast = view.getUint8(at) === 0xff;
  const isAny = (view.getInt32(at) | view.getInt32(at + 4) | view.getInt32(at + 8) | view.getInt32(at + 12)) === 0;
  if ((types & MULTICAST) !== 0 && !isMulticast) return false;
  if ((types & UNICAST) !== 0 && (isMulticast || isAny)) return false;
  if ((types & UNSPEC) !== 0 && !isAny) return false;
  if ((types & ROUTED) === 0) return true;
  return ns.ipv6 !== null && (types & ns.ipv6.routedTypes(view, at, dev)) !== 0;
}
