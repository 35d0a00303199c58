/** What `ip -6 route add` and `ip -6 rule add` say, and a route as it runs (struct fib6_info, include/net/ip6_fib.h). @module */
import type { Device } from './device.ts';
import type { CommonRoute, CommonRule } from './fib-config.ts';
import type { In6 } from './in6.ts';

/** One way out of a route. */
export interface NextHop6 {
  readonly dev: Device | null;
  /** Number of the gateway in {@link Fib6.gateways}; 0 when the destination is on the link. */
  readonly gateway: number;
  readonly weight: number;
  /** Its device went down. */
  dead: boolean;
  /** Greatest 31-bit hash that picks it, -1 when none does. */
  upperBound: number;
}

/** A route as it runs. */
export interface Route6 {
  /** Host bits zero. */
  readonly prefix: In6;
  readonly length: number;
  readonly table: number;
  /** The smaller wins. */
  readonly metric: number;
  /** RTN_*. */
  readonly type: number;
  readonly source: In6 | null;
  /** Bytes; 0: the device's. */
  readonly mtu: number;
  readonly nextHops: readonly NextHop6[];
  /** Made by the kernel for an address or a device. */
  readonly automatic: boolean;
  /** The next one of the same prefix, in the order in which they are tried. */
  next: Route6 | null;
}

/** A route of IPv6; the metric is 1024 unless it is told. */
export interface Route6Config extends CommonRoute<In6> {
  /** One more route of the same prefix and metric. */
  readonly append?: boolean;
}

/** An IPv6 prefix, host bits zero; `length` in bits. */
export interface Prefix6 {
  readonly prefix: In6;
  readonly length: number;
}

/** A rule of IPv6; absent prefixes: all. */
export interface Rule6Config extends CommonRule {
  readonly from?: Prefix6;
  readonly to?: Prefix6;
}

/** Does the route leave through the device? */
export const uses6 = (route: Route6, dev: Device): boolean => route.nextHops.some((hop) => hop.dev === dev);
