/** How often this host may send ICMP messages: to all, and to one. net/ipv4/icmp.c. @module */
import { DEST_UNREACH, FRAG_NEEDED, NR_ICMP_TYPES } from '../packet/icmp.ts';
import { SECOND } from '../sim/clock.ts';
import type { Device } from './device.ts';
import type { Netns } from './netns.ts';

/** Source quench, unreachable, time exceeded, parameter problem. */
const DEFAULT_MASK = 0x1818;
/** The global bucket is filled in steps of a fiftieth of a second. */
const FILL_STEP = SECOND / 50;

/** The limits of one namespace. */
export class IcmpLimit {
  private readonly ns: Netns;
  private rate = 0;
  private mask = 0;
  private perSecond = 0;
  private burst = 0;
  private credit = 0;
  private stamp = Number.NEGATIVE_INFINITY;
  /** The message asked for last is of a kind that is limited. */
  private limited = false;

  constructor(ns: Netns) {
    this.ns = ns;
    ns.sysctl.watch('net.ipv4.icmp_ratelimit', 1000, (value) => {
      this.rate = value;
    });
    ns.sysctl.watch('net.ipv4.icmp_ratemask', DEFAULT_MASK, (value) => {
      this.mask = value;
    });
    ns.sysctl.watch('net.ipv4.icmp_msgs_per_sec', 1000, (value) => {
      this.perSecond = value;
    });
    ns.sysctl.watch('net.ipv4.icmp_msgs_burst', 50, (value) => {
      this.burst = value;
    });
  }

  /** icmpv4_mask_allow: kinds that are not limited at all; path MTU discovery never is. */
  private isFree(type: number, code: number): boolean {
    if (type > NR_ICMP_TYPES || (type === DEST_UNREACH && code === FRAG_NEEDED)) return true;
    return ((1 << type) & this.mask) === 0;
  }

  /** icmpv4_global_allow. */
  allowGlobal(type: number, code: number): boolean {
    this.limited = false;
    if (this.isFree(type, code)) return true;
    this.limited = this.allowAny();
    return this.limited;
  }

  /** icmp_global_allow: is there something in the bucket that both families share? */
  allowAny(): boolean {
    this.fill();
    return this.credit > 0;
  }

  /** icmp_global_consume: how much a message costs is not to be guessed from outside. */
  consume(): void {
    this.credit -= this.ns.random.below(3);
  }

  private fill(): void {
    const { now } = this.ns.clock;
    const passed = Math.min(now - this.stamp, SECOND);
    if (passed < FILL_STEP) return;
    const more = Math.floor((this.perSecond * passed) / SECOND);
    if (more === 0) return;
    this.stamp = now;
    this.credit = Math.min(this.credit + more, this.burst);
  }

  /** icmpv4_xrlim_allow, right after {@link allowGlobal}. */
  allowPeer(dev: Device, address: number, type: number, code: number): boolean {
    if (!this.limited || this.isFree(type, code)) return true;
    const allowed = dev.loopback || this.ns.peers.allowIcmp(address, this.rate);
    if (allowed) this.consume();
    return allowed;
  }
}
