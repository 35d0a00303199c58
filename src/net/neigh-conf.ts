/** Settings of the neighbour table, for all and for each device: struct neigh_parms, net.ipv4.neigh and net.ipv6.neigh. @module */
import { MILLISECOND, SECOND } from '../sim/clock.ts';
import type { Random } from '../sim/random.ts';
import type { Device } from './device.ts';
import { PerDevice } from './per-device.ts';
import type { Sysctl } from './sysctl.ts';

const KEYS: readonly (readonly [name: string, value: number])[] = [
  ['mcast_solicit', 3],
  ['ucast_solicit', 3],
  ['app_solicit', 0],
  ['mcast_resolicit', 0],
  ['retrans_time_ms', 1000],
  ['base_reachable_time_ms', 30_000],
  ['delay_first_probe_time', 5],
  ['gc_stale_time', 60],
  ['unres_qlen_bytes', 212_992],
  ['proxy_qlen', 64],
  ['proxy_delay', 80],
  ['locktime', 100],
  ['anycast_delay', 100],
  ['interval_probe_time_ms', 5000],
];

const index = (name: string): number => KEYS.findIndex(([key]) => key === name);
const MCAST_SOLICIT = index('mcast_solicit');
export const UCAST_SOLICIT: number = index('ucast_solicit');
export const APP_SOLICIT: number = index('app_solicit');
const MCAST_RESOLICIT = index('mcast_resolicit');
const RETRANS_TIME_MS = index('retrans_time_ms');
export const BASE_REACHABLE_TIME_MS: number = index('base_reachable_time_ms');
const DELAY_FIRST_PROBE_TIME = index('delay_first_probe_time');
export const GC_STALE_TIME: number = index('gc_stale_time');
export const UNRES_QLEN_BYTES: number = index('unres_qlen_bytes');
export const PROXY_QLEN: number = index('proxy_qlen');
/** Hundredths of a second, as the sysctl is read. */
export const PROXY_DELAY: number = index('proxy_delay');
export const LOCKTIME: number = index('locktime');

/** A random reachable time is drawn again after so long: neigh_periodic_work. */
export const DRAW_AGAIN: number = 300 * SECOND;

/** `net.ipv4.neigh` or `net.ipv6.neigh` of one namespace. */
export class NeighConf extends PerDevice {
  gcThresh1 = 0;
  gcThresh2 = 0;
  gcThresh3 = 0;
  /** Reachable time in nanoseconds by ifindex, as last drawn; 0: not yet. */
  private readonly reachable: number[] = [];

  /** @param prefix `net.ipv4.neigh` or `net.ipv6.neigh` */
  constructor(sysctl: Sysctl, prefix: string) {
    super(sysctl, prefix, KEYS);
    sysctl.watch(`${this.prefix}.default.gc_thresh1`, 128, (value) => {
      this.gcThresh1 = value;
    });
    sysctl.watch(`${this.prefix}.default.gc_thresh2`, 512, (value) => {
      this.gcThresh2 = value;
    });
    sysctl.watch(`${this.prefix}.default.gc_thresh3`, 1024, (value) => {
      this.gcThresh3 = value;
    });
  }

  override addDevice(dev: Device): void {
    super.addDevice(dev);
    this.sysctl.watch(`${this.prefix}.${dev.name}.base_reachable_time_ms`, 0, () => {
      this.reachable[dev.index] = 0;
    });
  }

  /** Milliseconds, for devices to come. */
  baseReachable(): number {
    return this.sysctl.get(`${this.prefix}.default.base_reachable_time_ms`);
  }

  /** Nanoseconds. */
  retrans(dev: Device): number {
    return this.get(dev, RETRANS_TIME_MS) * MILLISECOND;
  }

  /** Nanoseconds. */
  delayProbe(dev: Device): number {
    return this.get(dev, DELAY_FIRST_PROBE_TIME) * SECOND;
  }

  /** neigh_max_probes. */
  maxProbes(dev: Device, probing: boolean): number {
    const last = this.get(dev, probing ? MCAST_RESOLICIT : MCAST_SOLICIT);
    return this.get(dev, UCAST_SOLICIT) + this.get(dev, APP_SOLICIT) + last;
  }

  /** Nanoseconds: half to one and a half of the base, drawn once in a while (neigh_rand_reach_time). */
  reachableTime(dev: Device, random: Random): number {
    const base = this.get(dev, BASE_REACHABLE_TIME_MS);
    this.reachable[dev.index] ||= (base / 2 + random.below(Math.max(base, 1))) * MILLISECOND;
    return this.reachable[dev.index]!;
  }

  /** Forget the times drawn. */
  redraw(): void {
    this.reachable.length = 0;
  }
}
