/**
 * Settings that each device has, with `all` and `default` beside them: struct ipv4_devconf (include/linux/inetdevice.h,
 * net/ipv4/devinet.c). How `all` and a device's own value combine differs from key to key: `or`, `and`, `max`. @module
 */
import type { Device } from './device.ts';
import { PerDevice } from './per-device.ts';
import type { Sysctl } from './sysctl.ts';

/** Names of the keys with the value that `all` and `default` have at first. */
const KEYS: readonly (readonly [name: string, all: number, initial: number])[] = [
  ['forwarding', 0, 0],
  ['mc_forwarding', 0, 0],
  ['rp_filter', 0, 0],
  ['accept_local', 0, 0],
  ['route_localnet', 0, 0],
  ['src_valid_mark', 0, 0],
  ['accept_source_route', 0, 1],
  ['accept_redirects', 1, 1],
  ['send_redirects', 1, 1],
  ['secure_redirects', 1, 1],
  ['shared_media', 1, 1],
  ['log_martians', 0, 0],
  ['bc_forwarding', 0, 0],
  ['drop_unicast_in_l2_multicast', 0, 0],
  ['drop_gratuitous_arp', 0, 0],
  ['arp_filter', 0, 0],
  ['arp_announce', 0, 0],
  ['arp_ignore', 0, 0],
  ['arp_accept', 0, 0],
  ['arp_notify', 0, 0],
  ['arp_evict_nocarrier', 1, 1],
  ['proxy_arp', 0, 0],
  ['proxy_arp_pvlan', 0, 0],
  ['medium_id', 0, 0],
  ['promote_secondaries', 0, 0],
  ['ignore_routes_with_linkdown', 0, 0],
  ['bootp_relay', 0, 0],
  ['disable_policy', 0, 0],
  ['disable_xfrm', 0, 0],
  ['tag', 0, 0],
  ['force_igmp_version', 0, 0],
  ['igmpv2_unsolicited_report_interval', 10000, 10000],
  ['igmpv3_unsolicited_report_interval', 1000, 1000],
];

const index = (name: string): number => KEYS.findIndex(([key]) => key === name);
export const FORWARDING: number = index('forwarding');
export const MC_FORWARDING: number = index('mc_forwarding');
export const RP_FILTER: number = index('rp_filter');
export const ACCEPT_LOCAL: number = index('accept_local');
export const ROUTE_LOCALNET: number = index('route_localnet');
export const SRC_VMARK: number = index('src_valid_mark');
export const ACCEPT_SOURCE_ROUTE: number = index('accept_source_route');
export const SEND_REDIRECTS: number = index('send_redirects');
export const SHARED_MEDIA: number = index('shared_media');
export const BC_FORWARDING: number = index('bc_forwarding');
export const DROP_UNICAST_IN_L2_MULTICAST: number = index('drop_unicast_in_l2_multicast');
export const DROP_GRATUITOUS_ARP: number = index('drop_gratuitous_arp');
export const ARP_FILTER: number = index('arp_filter');
export const ARP_ANNOUNCE: number = index('arp_announce');
export const ARP_IGNORE: number = index('arp_ignore');
export const ARP_ACCEPT: number = index('arp_accept');
export const PROXY_ARP: number = index('proxy_arp');
export const PROXY_ARP_PVLAN: number = index('proxy_arp_pvlan');
export const MEDIUM_ID: number = index('medium_id');

const IP_FORWARD = 'net.ipv4.ip_forward';
const PREFIX = 'net.ipv4.conf';

/** `net.ipv4.conf` of one namespace. */
export class DeviceConf extends PerDevice {
  private readonly all: Int32Array = Int32Array.from(KEYS, ([, all]) => all);

  constructor(sysctl: Sysctl) {
    super(
      sysctl,
      PREFIX,
      KEYS.map(([name, , initial]) => [name, initial] as const),
    );
    KEYS.forEach(([name, all], key) => {
      sysctl.watch(`${PREFIX}.all.${name}`, all, (value) => this.setAll(key, value));
    });
    sysctl.watch(IP_FORWARD, 0, (value) => this.passOn(`${PREFIX}.all.forwarding`, value));
  }

  or(dev: Device, key: number): boolean {
    return this.all[key] !== 0 || this.get(dev, key) !== 0;
  }

  and(dev: Device, key: number): boolean {
    return this.all[key] !== 0 && this.get(dev, key) !== 0;
  }

  max(dev: Device, key: number): number {
    return Math.max(this.all[key]!, this.get(dev, key));
  }

  private setAll(key: number, value: number): void {
    if (this.all[key] === value) return;
    this.all[key] = value;
    if (key === FORWARDING) this.changeForwarding(value);
  }

  /** inet_forward_change: one switch for all. */
  private changeForwarding(value: number): void {
    this.passOn(IP_FORWARD, value);
    this.passOn(`${PREFIX}.all.accept_redirects`, value === 0 ? 1 : 0);
    this.setEverywhere(FORWARDING, value);
  }
}
