/**
 * `-m socket`: is there a socket that the packet would reach? net/netfilter/xt_socket.c. Sockets here only listen, on every
 * address or on one; none is transparent. @module
 */
import * as ipv4 from '../../packet/ipv4.ts';
import type { Match } from '../extension.ts';
import { flagOptions, formatFlags, parseFlags } from '../flag-options.ts';

/** In the order in which they are printed. */
const OPTIONS = ['transparent', 'nowildcard', 'restore-skmark'] as const;
const [TRANSPARENT, NOWILDCARD] = [1, 2] as const;

export interface Socket {
  /** Bits by place in {@link OPTIONS}. */
  readonly flags: number;
}

export const socket: Match<Socket> = {
  name: 'socket',
  hooks: ['PREROUTING', 'INPUT'],
  needsDefrag: true,
  options: flagOptions(OPTIONS),
  parse: (given) => ({ flags: parseFlags(given, OPTIONS) }),
  format: ({ flags }) => formatFlags(flags, OPTIONS).join(' '),
  compile: ({ flags }) => [flags],
  test(args, at, pkt, scope) {
    const flags = args[at]!;
    const { protocol } = scope;
    if ((flags & TRANSPARENT) !== 0 || scope.family !== 'ipv4') return false;
    if ((protocol !== ipv4.TCP && protocol !== ipv4.UDP) || pkt.l4 + 8 > pkt.end) return false;
    const address = ipv4.dst(pkt.view, pkt.l3);
    const port = pkt.view.getUint16(pkt.l4 + 2);
    // The option's name says what it does not: sockets of any address are left out unless it is given.
    return scope.ns.sockets.isBound(protocol, port, address, (flags & NOWILDCARD) === 0);
  },
};
