/** IPv6 settings that each device has, with `all` and `default` beside them: struct ipv6_devconf, net/ipv6/addrconf.c. @module */
import type { Device } from './device.ts';
import { PerDevice } from './per-device.ts';
import type { Sysctl } from './sysctl.ts';

const KEYS: readonly (readonly [name: string, value: number])[] = [
  ['forwarding', 0],
  ['hop_limit', 64],
  ['disable_ipv6', 0],
  ['addr_gen_mode', 0],
  ['accept_source_route', 0],
  ['proxy_ndp', 0],
  ['suppress_frag_ndisc', 1],
  ['accept_untracked_na', 0],
  ['drop_unsolicited_na', 0],
  ['drop_unicast_in_l2_multicast', 0],
  ['force_tllao', 0],
  ['force_forwarding', 0],
  ['seg6_enabled', 0],
  ['accept_dad', 1],
  ['accept_ra', 1],
  ['accept_redirects', 1],
  ['autoconf', 1],
  ['dad_transmits', 1],
  ['router_solicitations', -1],
];

const index = (name: string): number => KEYS.findIndex(([key]) => key === name);
export const FORWARDING: number = index('forwarding');
export const HOP_LIMIT: number = index('hop_limit');
export const DISABLE_IPV6: number = index('disable_ipv6');
export const ADDR_GEN_MODE: number = index('addr_gen_mode');
export const PROXY_NDP: number = index('proxy_ndp');
export const SUPPRESS_FRAG_NDISC: number = index('suppress_frag_ndisc');
export const ACCEPT_UNTRACKED_NA: number = index('accept_untracked_na');
export const DROP_UNSOLICITED_NA: number = index('drop_unsolicited_na');
export const DROP_UNICAST_IN_L2_MULTICAST: number = index('drop_unicast_in_l2_multicast');
export const FORCE_TLLAO: number = index('force_tllao');
export const FORCE_FORWARDING: number = index('force_forwarding');

const PREFIX = 'net.ipv6.conf';
/** What `all` says, every device does (addrconf_fixup_forwarding, addrconf_disable_ipv6, addrconf_sysctl_addr_gen_mode). */
const SWITCHES: readonly number[] = [FORWARDING, DISABLE_IPV6, ADDR_GEN_MODE, FORCE_FORWARDING];

/** `net.ipv6.conf` of one namespace. */
export class DeviceConf6 extends PerDevice {
  private readonly all: Int32Array = Int32Array.from(KEYS, ([, value]) => value);

  constructor(sysctl: Sysctl) {
    super(sysctl, PREFIX, KEYS);
    KEYS.forEach(([name, value], key) => {
      sysctl.watch(`${PREFIX}.all.${name}`, value, (now) => this.setAll(key, now));
    });
  }

  /** The value of `all`. */
  global(key: number): number {
    return this.all[key]!;
  }

  or(dev: Device, key: number): boolean {
    return this.all[key] !== 0 || this.get(dev, key) !== 0;
  }

  private setAll(key: number, value: number): void {
    if (this.all[key] === value) return;
    this.all[key] = value;
    if (SWITCHES.includes(key)) this.setEverywhere(key, value);
  }
}
