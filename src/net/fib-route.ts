/** A route and its next hops: struct fib_alias, fib_info and fib_nh in one (net/ipv4/fib_semantics.c). @module */
import type { Device } from './device.ts';
import type { RouteType, TableId } from './fib-config.ts';
import { RT_SCOPE_HOST } from './rtn.ts';

/** One way out of a route. */
export interface NextHop {
  readonly dev: Device | null;
  /** int32; 0 when the destination is on the link. */
  readonly gateway: number;
  readonly weight: number;
  /** RT_SCOPE_* of the gateway's own route; HOST for a destination on the link, NOWHERE for a local address. */
  readonly scope: number;
  readonly onlink: boolean;
  /** Its device went down (RTNH_F_DEAD). */
  dead: boolean;
  /** Greatest 31-bit hash that picks it (fib_rebalance), -1 when none does. */
  upperBound: number;
}

/** A route as it runs: struct fib_alias and fib_info. */
export interface Route {
  /** int32, host bits zero. */
  readonly prefix: number;
  readonly length: number;
  readonly table: TableId;
  readonly tos: number;
  /** The smaller wins (RTA_PRIORITY). */
  readonly metric: number;
  readonly type: RouteType;
  readonly scope: number;
  /** Preferred source, int32; 0 for none. */
  readonly source: number;
  /** Bytes; 0: the device's. */
  readonly mtu: number;
  readonly mtuLocked: boolean;
  /** Made by the kernel for an address, or told (`proto kernel`). */
  readonly automatic: boolean;
  readonly nextHops: readonly NextHop[];
  /** The next one of the same prefix, in the order in which they are tried. */
  next: Route | null;
}

/** Does the route leave through the device? Runs per packet: no allocation. */
export function uses({ nextHops }: Route, dev: Device): boolean {
  for (let i = 0; i < nextHops.length; i++) if (nextHops[i]!.dev === dev) return true;
  return false;
}

/** The source is on the link of this hop or nearer: nhc_scope >= RT_SCOPE_HOST. */
export const isConnected = (hop: NextHop | null): boolean => hop !== null && hop.scope >= RT_SCOPE_HOST;

/** What sharing looks at, and what it sets. */
type Balanced = Pick<NextHop, 'weight' | 'dead' | 'upperBound'>;

/** Share 31 bits of hash among the next hops that live, by weight: fib_rebalance. */
export function rebalance(hops: readonly Balanced[]): void {
  const total = hops.reduce((sum, hop) => sum + (hop.dead ? 0 : hop.weight), 0);
  let weight = 0;
  for (const hop of hops) {
    if (!hop.dead) weight += hop.weight;
    hop.upperBound = hop.dead ? -1 : Math.round((weight * 2 ** 31) / total) - 1;
  }
}
