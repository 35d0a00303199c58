/** The UDP socket that VXLAN devices of one port share: the first half of vxlan_rcv, drivers/net/vxlan/vxlan_core.c. @module */
import type { Netns } from '../net/netns.ts';
import { checksumIsRight } from '../net/udp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as udp from '../packet/udp.ts';
import * as vxlan from '../packet/vxlan.ts';
import type { Vxlan } from './vxlan.ts';

const UDP_CSUM = reason('UDP_CSUM');
const VXLAN_INVALID_HDR = reason('VXLAN_INVALID_HDR');
const VXLAN_VNI_NOT_FOUND = reason('VXLAN_VNI_NOT_FOUND');

/** One UDP port of a namespace and the devices behind it, by VNI. */
export class VxlanSocket {
  private readonly ns: Netns;
  private readonly devices = new Map<number, Vxlan>();
  private external: Vxlan | null = null;

  constructor(ns: Netns, port: number) {
    this.ns = ns;
    ns.sockets.listen(ipv4.UDP, port, 0, (pkt) => this.receive(pkt));
  }

  /** @throws {RangeError} when another device has the VNI */
  add(device: Vxlan): void {
    const exclusive = device.external ? this.devices.size > 0 || this.external !== null : this.external !== null;
    if (exclusive || this.devices.has(device.vni))
      throw new RangeError('A VXLAN device with the specified VNI already exists');
    if (device.external) this.external = device;
    else this.devices.set(device.vni, device);
  }

  /** The device of a VNI, or null: vxlan_vs_find_vni. */
  find(vni: number): Vxlan | null {
    return this.external ?? this.devices.get(vni) ?? null;
  }

  /** A datagram for the port, its UDP header at `pkt.l4`. The socket owns it. */
  receive(pkt: Packet): void {
    const v = pkt.view;
    const at = pkt.l4 + udp.HEADER_LEN;
    let why = checksumIsRight(pkt, ipv4.UDP) ? vxlan.check(v, at, pkt.end) : UDP_CSUM;
    const device = why === 0 ? this.find(vxlan.vni(v, at)) : null;
    if (why === 0 && device === null) why = VXLAN_VNI_NOT_FOUND;
    // Linux lets no reserved bit pass that it was not told of.
    if (why === 0 && (vxlan.flags(v, at) !== vxlan.VNI_VALID || vxlan.reserved(v, at) !== 0)) why = VXLAN_INVALID_HDR;
    if (why !== 0 || device === null) {
      this.ns.drop(pkt, why);
      return;
    }
    pkt.data = at + vxlan.HEADER_LEN;
    device.decapsulate(pkt, vxlan.vni(v, at), ipv4.src(v, pkt.l3), ipv4.tos(v, pkt.l3));
  }
}

/** What a namespace keeps of it: sockets by port. */
class VxlanPernet {
  readonly sockets = new Map<number, VxlanSocket>();
}

/** The socket of a port, made when it is first asked for. */
export function vxlanSocket(ns: Netns, port: number): VxlanSocket {
  const { sockets } = ns.generic(VxlanPernet);
  const known = sockets.get(port);
  if (known !== undefined) return known;
  const made = new VxlanSocket(ns, port);
  sockets.set(port, made);
  return made;
}
