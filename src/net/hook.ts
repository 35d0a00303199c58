/**
 * The netfilter hooks: where a protocol lets others look at a packet. include/uapi/linux/netfilter.h, net/netfilter/core.c.
 * Conntrack, NAT and the tables register here, so that this folder need not know them. @module
 */
import type { Packet } from '../packet/packet.ts';
import type { Device } from './device.ts';

/** Hooks of IPv4 and IPv6 (NF_INET_*); bridges use the same numbers (NF_BR_*). */
export const PREROUTING = 0;
export const INPUT = 1;
export const FORWARD = 2;
export const OUTPUT = 3;
export const POSTROUTING = 4;
const HOOKS = 5;

/** What a hook function says of a packet. */
export const NF_DROP = 0;
export const NF_ACCEPT = 1;
/** The function took the packet; the caller forgets it. */
export const NF_STOLEN = 2;
/** What a hook function says of a packet. */
export type Verdict = typeof NF_DROP | typeof NF_ACCEPT | typeof NF_STOLEN;

/** Priorities, include/uapi/linux/netfilter_ipv4.h: lower runs first. */
export const PRI_RAW_BEFORE_DEFRAG = -450;
export const PRI_CONNTRACK_DEFRAG = -400;
export const PRI_RAW = -300;
export const PRI_CONNTRACK = -200;
export const PRI_MANGLE = -150;
export const PRI_NAT_DST = -100;
export const PRI_FILTER = 0;
export const PRI_SECURITY = 50;
export const PRI_NAT_SRC = 100;
export const PRI_CONNTRACK_HELPER = 300;
export const PRI_CONNTRACK_CONFIRM: number = 2 ** 31 - 1;

/** One registered function. */
export interface HookEntry {
  readonly priority: number;
  /**
   * Look at a packet. `iif` and `oif` are the devices of the hook (NO_DEVICE where it has none). On NF_DROP the caller
   * frees the packet and counts `pkt.reason`, or NETFILTER_DROP when that is 0. Runs per packet: no allocation.
   */
  run(pkt: Packet, hook: number, iif: Device, oif: Device): Verdict;
}

/** The functions of one protocol family in one namespace. */
export class Hooks {
  private readonly lists: HookEntry[][] = Array.from({ length: HOOKS }, () => []);

  /** Add a function; among equals of one priority the first registered runs first. */
  register(hook: number, entry: HookEntry): void {
    const list = this.lists[hook]!;
    const at = list.findIndex((other) => other.priority > entry.priority);
    // A new list, so that a run under way goes on over the old one.
    this.lists[hook] = at < 0 ? [...list, entry] : [...list.slice(0, at), entry, ...list.slice(at)];
  }

  unregister(hook: number, entry: HookEntry): void {
    this.lists[hook] = this.lists[hook]!.filter((other) => other !== entry);
  }

  /** Ask every function with a priority above `after`, in order, until one does not accept. */
  run(hook: number, pkt: Packet, iif: Device, oif: Device, after: number = Number.NEGATIVE_INFINITY): Verdict {
    const list = this.lists[hook]!;
    for (let i = 0; i < list.length; i++) {
      const entry = list[i]!;
      if (entry.priority <= after) continue;
      const verdict = entry.run(pkt, hook, iif, oif);
      if (verdict !== NF_ACCEPT) return verdict;
    }
    return NF_ACCEPT;
  }
}
