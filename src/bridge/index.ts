/** The Ethernet bridge and its netfilter hooks: what another program imports as `podwire/bridge`. @module */
export { Bridge, type BridgeConfig } from './bridge.ts';
export { Fdb } from './fdb.ts';
export type { BridgePort, PortOptions } from './port.ts';
