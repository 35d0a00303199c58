/** A port of a bridge and its flags, struct net_bridge_port in net/bridge/br_private.h. @module */
import type { Device } from '../net/device.ts';
import type { VlanGroup } from './vlan.ts';

/** Options by their `ip link set DEV type bridge_slave` names; absent ones have the kernel's defaults. */
export interface PortOptions {
  /** Frames may leave by the port that they came in by; default false. */
  readonly hairpin?: boolean;
  /** Nothing passes between two isolated ports; default false. */
  readonly isolated?: boolean;
  /** Default true. */
  readonly learning?: boolean;
  /** Unknown unicast, other multicast and broadcast frames are flooded to it; default true. */
  readonly flood?: boolean;
  readonly mcast_flood?: boolean;
  readonly bcast_flood?: boolean;
  /** The bridge answers ARP for the stations behind it; default false. */
  readonly neigh_suppress?: boolean;
  /** The bridge answers ARP of the stations behind it; default false. */
  readonly proxy_arp?: boolean;
  readonly proxy_arp_wifi?: boolean;
  /** Only stations with an entry on this port may send; default false. */
  readonly locked?: boolean;
  /** Bit n: frames to 01:80:c2:00:00:0n are forwarded; default 0. */
  readonly group_fwd_mask?: number;
}

/** What kind of frame is flooded, enum br_pkt_type. */
export const PKT_UNICAST = 0;
export const PKT_MULTICAST = 1;
export const PKT_BROADCAST = 2;

/** A device as a port: struct net_bridge_port. */
export class BridgePort {
  readonly dev: Device;
  readonly hairpin: boolean;
  readonly isolated: boolean;
  readonly learning: boolean;
  readonly neighSuppress: boolean;
  readonly proxyArp: boolean;
  readonly proxyArpWifi: boolean;
  readonly locked: boolean;
  readonly groupForwardMask: number;
  /** null where the bridge knows no VLANs. */
  vlans: VlanGroup | null = null;
  /** By PKT_*. */
  private readonly flooded: readonly [boolean, boolean, boolean];

  constructor(dev: Device, options: PortOptions) {
    this.dev = dev;
    this.hairpin = options.hairpin ?? false;
    this.isolated = options.isolated ?? false;
    this.learning = options.learning ?? true;
    this.neighSuppress = options.neigh_suppress ?? false;
    this.proxyArp = options.proxy_arp ?? false;
    this.proxyArpWifi = options.proxy_arp_wifi ?? false;
    this.locked = options.locked ?? false;
    this.groupForwardMask = options.group_fwd_mask ?? 0;
    this.flooded = [options.flood ?? true, options.mcast_flood ?? true, options.bcast_flood ?? true];
  }

  /** Is such a frame flooded to it? What the bridge itself sends to a group always is. */
  floods(kind: number, local: boolean, answered: boolean): boolean {
    if (!this.flooded[kind as 0 | 1 | 2] && !(local && kind !== PKT_UNICAST)) return false;
    return !this.proxyArp && !(answered && (this.proxyArpWifi || this.neighSuppress));
  }
}
