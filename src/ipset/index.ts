/** Sets of addresses, ports and devices, and the language of ipset: what another program imports as `podwire/ipset`. @module */
export { IpsetError } from './error.ts';
export { Refusal, type RegistryOptions, SetRegistry } from './registry.ts';
export { Request } from './request.ts';
export { type RestoreOptions, restoreSets, saveSets } from './restore.ts';
export type { IpSet, SetConfig, SetFamily } from './set.ts';
