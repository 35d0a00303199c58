/** Connection tracking and NAT: what a user may embed. @module */

export * from './connections.ts';
export * from './conntrack.ts';
export * from './listing.ts';
export * from './nat.ts';
export * from './nat-range.ts';
export * from './nat-targets.ts';
export * from './status.ts';
export * from './table.ts';
export * from './tuple.ts';
