/** VLANs of bridges and their ports: `ip link add type bridge vlan_filtering`, `bridge vlan`. @module */
import { Bridge, type BridgeVlanConfig } from '../bridge/bridge.ts';
import type { Device } from '../net/device.ts';
import type { Netns } from '../net/netns.ts';
import { given } from './given.ts';
import { inside, LabError, type Place } from './shape.ts';
import { VLAN_PROTOCOLS } from './stacked.ts';
import type { BridgeLink, Link } from './topology.ts';

/** What a bridge is told of VLANs; undefined when it is to know none. */
export function bridgeVlans(link: BridgeLink): BridgeVlanConfig | undefined {
  const { vlan_filtering: filtering, vlan_protocol: protocol, vlan_default_pvid: defaultPvid } = link;
  if (filtering === undefined && protocol === undefined && defaultPvid === undefined) return undefined;
  return {
    ...given('filtering', filtering),
    ...given('protocol', protocol === undefined ? undefined : VLAN_PROTOCOLS[protocol]),
    ...given('defaultPvid', defaultPvid),
  };
}

/** `bridge vlan add|del` for a port, or for a bridge itself. @throws {LabError} for what is neither, or is refused */
export function setVlans(link: Link, dev: Device, at: Place): void {
  (link.vlans ?? []).forEach(({ vid, del, ...options }, i) => {
    const here = inside(inside(at, 'vlans'), i);
    const bridge = dev instanceof Bridge ? dev : dev.master;
    if (!(bridge instanceof Bridge)) throw new LabError(here.file, here.path, `${link.name} is not a port of a bridge`);
    const port = dev === bridge ? null : bridge.portOf(dev.index)!;
    try {
      if (del === true) bridge.removeVlan(port, vid);
      else bridge.addVlan(port, vid, options);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new LabError(here.file, here.path, error.message);
    }
  });
}

/** `bridge vlan show`; empty where no bridge knows VLANs. */
export function bridgeVlanLines(ns: Netns): string[] {
  const lines = ns.devices.flatMap((dev) => (dev instanceof Bridge ? dev.vlanLines() : []));
  return lines.length === 0 ? [] : ['port              vlan-id  ', ...lines];
}
