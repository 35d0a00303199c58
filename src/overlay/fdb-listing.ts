/** Every forwarding database of a namespace as text: `bridge fdb show`. @module */
import { Bridge } from '../bridge/bridge.ts';
import type { Netns } from '../net/netns.ts';
import { Vxlan } from './vxlan.ts';

/** One line an entry, of bridges and VXLAN devices alike, sorted. */
export function bridgeFdb(ns: Netns): string[] {
  const tables = ns.devices.filter((dev) => dev instanceof Bridge || dev instanceof Vxlan);
  return tables.flatMap((dev) => dev.fdbLines()).sort();
}
