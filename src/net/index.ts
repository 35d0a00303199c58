/** Network namespaces, devices and the Internet protocols: what another program imports as `podwire/net`. @module */
export type { Ifaddr } from './address.ts';
export { Backlog } from './backlog.ts';
export { Device, type DeviceConfig, type FrameHandler } from './device.ts';
export { DummyDevice } from './dummy.ts';
export * as errno from './errno.ts';
export type { NextHopConfig, RouteConfig, RuleConfig } from './fib-config.ts';
export * from './hook.ts';
export { IpVlan, type IpVlanConfig } from './ipvlan.ts';
export { Macvlan, type MacvlanConfig } from './macvlan.ts';
export { Netns, type World } from './netns.ts';
export * as rtn from './rtn.ts';
export { Sysctl } from './sysctl.ts';
export { Tap } from './tap.ts';
export { type Veth, vethPair } from './veth.ts';
export { Vlan, type VlanConfig } from './vlan.ts';
export { PortDevice } from './wire.ts';
