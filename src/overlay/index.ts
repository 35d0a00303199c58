/** Tunnels: what another program imports as `podwire/overlay`. @module */
export { bridgeFdb } from './fdb-listing.ts';
export { Ipip, type IpipConfig } from './ipip.ts';
export { Vxlan, type VxlanConfig, type VxlanEntry } from './vxlan.ts';
export { type FdbMode, NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE, type Remote, VxlanFdb } from './vxlan-fdb.ts';
