/** Network namespaces, devices and the Internet protocols: what another program imports as `podwire/net`. @module */
export type { Ifaddr } from './address.ts';
export { Backlog } from './backlog.ts';
export { Device, type DeviceConfig, type FrameHandler } from './device.ts';
export { DummyDevice } from './dummy.ts';
export * as errno from './errno.ts';
export type { NextHopConfig, RouteConfig, RuleConfig } from './fib-config.ts';
export * from './hook.ts';
export { Netns, type World } from './netns.ts';
export * as rtn from './rtn.ts';
export { Sysctl } from './sysctl.ts';
export { type Veth, vethPair } from './veth.ts';
export { PortDevice } from './wire.ts';
