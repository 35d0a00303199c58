/** Bridges: what another program imports as `podwire/bridge`. @module */
export { type BrNetfilter, brNetfilter } from './br-netfilter.ts';
export { Bridge, type BridgeConfig } from './bridge.ts';
export * from './fdb.ts';
export type { BridgePort, PortOptions } from './port.ts';
