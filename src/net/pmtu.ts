/**
 * Paths that turned out narrower than their first link: the exceptions of a next hop (struct fib_nh_exception,
 * net/ipv4/route.c) as far as the MTU is concerned. Forwarded packets do not heed them (ip_forward_use_pmtu 0). @module
 */
import { SECOND } from '../sim/clock.ts';
import type { Netns } from './netns.ts';

/** Destinations remembered at most (FNHE_HASH_SIZE times FNHE_RECLAIM_DEPTH); the oldest goes first. */
const MAX_EXCEPTIONS = 10_240;

interface Exception {
  mtu: number;
  /** Nanoseconds of the clock. */
  expires: number;
}

/** What one namespace learned of paths. */
export class PathMtus {
  private readonly ns: Netns;
  /** By destination, int32. */
  private readonly exceptions = new Map<number, Exception>();
  private lifetime = 0;
  private smallest = 0;

  constructor(ns: Netns) {
    this.ns = ns;
    ns.sysctl.watch('net.ipv4.route.mtu_expires', 600, (seconds) => {
      this.lifetime = seconds * SECOND;
    });
    ns.sysctl.watch('net.ipv4.route.min_pmtu', 552, (bytes) => {
      this.smallest = bytes;
    });
  }

  /** The way to `dst`, of `old` bytes so far, takes only `mtu`: __ip_rt_update_pmtu. */
  update(dst: number, old: number, mtu: number): void {
    if (old < mtu) return;
    const bytes = Math.max(mtu, Math.min(old, this.smallest));
    const expires = this.ns.clock.now + this.lifetime;
    this.exceptions.delete(dst);
    this.exceptions.set(dst, { mtu: bytes, expires });
    if (this.exceptions.size > MAX_EXCEPTIONS) this.exceptions.delete(this.exceptions.keys().next().value!);
  }

  /** What a packet of this host to `dst` may have, where the route says `mtu`. Runs per packet: no allocation. */
  heed(dst: number, mtu: number): number {
    if (this.exceptions.size === 0) return mtu;
    const exception = this.exceptions.get(dst);
    return exception === undefined || exception.expires <= this.ns.clock.now ? mtu : exception.mtu;
  }
}
