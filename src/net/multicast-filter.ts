/** Which group frames a device on top of another wants: what the stack of a host has joined by itself. net/core/dev_addr_lists.c. @module */
import * as ethernet from '../packet/ethernet.ts';
import type { Packet } from '../packet/packet.ts';
import type { Device } from './device.ts';

/** 224.0.0.1, which ip_mc_up joins, as a MAC address. */
const ALL_HOSTS_HIGH = 0x0100;
const ALL_HOSTS_LOW = 0x5e000001;
/** Groups of IPv6. */
const IPV6_HIGH = 0x3333;

/** Broadcast, all hosts, and with IPv6 its groups: IPv6 itself knows which. Runs per packet. */
export function wantsGroup({ view, data }: Packet, dev: Device): boolean {
  const high = ethernet.dstHigh(view, data);
  const low = ethernet.dstLow(view, data);
  if (high === 0xffff && low === -1) return true;
  if (high === ALL_HOSTS_HIGH && low === ALL_HOSTS_LOW) return true;
  return high === IPV6_HIGH && dev.ns.ipv6 !== null;
}
