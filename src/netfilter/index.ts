/** Rules as iptables-save prints them, and the tables that they make: what another program imports as `podwire/netfilter`. @module */
export * from './extension.ts';
export { Netfilter, type NetfilterOptions } from './netfilter.ts';
export { ParseError, UnknownExtension } from './parse-error.ts';
export * from './rule.ts';
export { type FormatOptions, formatSave, type ParseOptions, parseSave } from './save.ts';
