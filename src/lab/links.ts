/** Bridges, tunnels and forwarding entries of a description, to what their devices are told. iproute2's iplink_vxlan.c and bridge/fdb.c. @module */
import { Bridge, type BridgeConfig } from '../bridge/bridge.ts';
import { FDB_ADDED_BY_USER, FDB_LOCAL, FDB_STATIC, FDB_STICKY } from '../bridge/fdb.ts';
import type { PortOptions } from '../bridge/port.ts';
import type { Device } from '../net/device.ts';
import { Vxlan, type VxlanConfig } from '../overlay/vxlan.ts';
import { NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE } from '../overlay/vxlan-fdb.ts';
import { parse4, parseMac } from '../packet/address.ts';
import { SECOND } from '../sim/clock.ts';
import { given, map } from './given.ts';
import { LabError, type Place } from './shape.ts';
import type { BridgeLink, FdbEntry, Link, VxlanLink } from './topology.ts';

export const DEFAULT_MTU = 1500;
/** Bytes that a tunnel puts in front of an inner packet: VXLAN_HEADROOM. */
const VXLAN_HEADROOM = 50;
/** The IANA port; the kernel's own default is another. */
const VXLAN_PORT = 4789;

const ZERO_MAC = '00:00:00:00:00:00';

type Find = (name: string) => Device;

/** `ip link add NAME type bridge`. */
export const bridgeConfig = (link: BridgeLink): BridgeConfig => ({
  name: link.name,
  ...given(
    'mac',
    map(link.mac, (text) => parseMac(text)!),
  ),
  // Telling a bridge the MTU that it has does not set it: the ports still may.
  ...given('mtu', link.mtu === DEFAULT_MTU ? undefined : link.mtu),
  ...given('promiscuous', link.promisc),
  ...given(
    'ageing',
    map(link.ageing_s, (seconds) => seconds * SECOND),
  ),
});

/** `ip link set NAME type bridge_slave`: numbers stand for flags, too. */
export const portOptions = (link: Link): PortOptions =>
  Object.fromEntries(
    Object.entries(link.brport ?? {}).map(([name, value]) => [
      name,
      name === 'group_fwd_mask' ? value : Boolean(value),
    ]),
  );

/** `ip link add NAME type vxlan`. */
export function vxlanConfig(link: VxlanLink, mac: Uint8Array, device: Find): VxlanConfig {
  const lower = link.dev === undefined ? undefined : device(link.dev);
  const remote = link.remote ?? link.group;
  const tos = link.tos === undefined || link.tos === 'inherit' ? link.tos : Number(link.tos);
  return {
    name: link.name,
    mac,
    mtu: link.mtu ?? (lower === undefined ? DEFAULT_MTU : lower.mtu - VXLAN_HEADROOM),
    vni: link.vni ?? 0,
    dstPort: link.dstport ?? VXLAN_PORT,
    ...given(
      'local',
      map(link.local, (text) => parse4(text)!),
    ),
    ...given(
      'remote',
      map(remote, (text) => parse4(text)!),
    ),
    ...given('lower', lower),
    ...given('srcPorts', link.srcport),
    ...given('ttl', link.ttl),
    ...given('tos', tos as number | 'inherit' | undefined),
    ...given('df', link.df),
    ...given('learning', link.learning),
    ...given('udpChecksum', link.udpcsum),
    ...given('proxy', link.proxy),
    ...given('external', link.external),
    ...given(
      'ageing',
      map(link.ageing, (seconds) => seconds * SECOND),
    ),
  };
}

/** NUD_* of the words; `permanent` and `local` are the default. */
function stateOf(flags: readonly string[]): number {
  if (flags.includes('static')) return NUD_REACHABLE | NUD_NOARP;
  return flags.includes('dynamic') ? NUD_REACHABLE : NUD_PERMANENT;
}

/** `bridge fdb add|append|replace`. @throws {LabError} when the device has no such table */
export function setForwarding(entry: FdbEntry, device: Find, at: Place): void {
  const flags = entry.flags ?? ['self', 'permanent'];
  const dev = device(entry.dev);
  if (flags.includes('master')) {
    if (!(dev.master instanceof Bridge)) throw new LabError(at.file, at.path, `${entry.dev} is not a port of a bridge`);
    setStation(dev.master, dev.index, entry, flags);
  }
  if (flags.includes('self') || !flags.includes('master')) setOwn(dev, entry, flags, device);
}

function setStation(bridge: Bridge, port: number, entry: FdbEntry, words: readonly string[]): void {
  const mac = new DataView(parseMac(entry.mac)!.buffer);
  const state = stateOf(words);
  const local = state === NUD_PERMANENT ? FDB_LOCAL | FDB_STATIC : 0;
  const fixed = (state & NUD_NOARP) !== 0 ? FDB_STATIC : 0;
  const sticky = words.includes('sticky') ? FDB_STICKY : 0;
  const all = FDB_ADDED_BY_USER | local | fixed | sticky;
  const group = port === 0 ? bridge.vlanGroup : (bridge.portOf(port)?.vlans ?? null);
  if (entry.vlan !== undefined && !group?.has(entry.vlan))
    throw new RangeError(`${entry.dev} is not in VLAN ${entry.vlan}`);
  // Without a VLAN it is an entry of each that the port is in.
  const vids = entry.vlan === undefined ? [0, ...(group?.list() ?? [])] : [entry.vlan];
  for (const vid of vids) bridge.fdb.set(port, mac.getUint16(0), mac.getInt32(2), vid, all);
}

/** The device's own table: a tunnel's stations, a bridge's own addresses; others only widen their receive filter. */
function setOwn(dev: Device, entry: FdbEntry, flags: readonly string[], device: Find): void {
  if (dev instanceof Bridge) setStation(dev, 0, entry, flags);
  if (!(dev instanceof Vxlan)) return;
  const to = {
    address: entry.dst === undefined ? 0 : parse4(entry.dst)!,
    ...given('port', entry.port),
    ...given('vni', entry.vni),
    ...given(
      'ifindex',
      map(entry.via, (name) => device(name).index),
    ),
  };
  dev.setEntry(parseMac(entry.mac)!, to, stateOf(flags), entry.op ?? (entry.mac === ZERO_MAC ? 'append' : 'replace'));
}
