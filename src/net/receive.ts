/** A frame that arrived on a device, to whoever takes it: __netif_receive_skb_core, net/core/dev.c. @module */
import * as ethernet from '../packet/ethernet.ts';
import {
  PACKET_BROADCAST,
  PACKET_HOST,
  PACKET_LOOPBACK,
  PACKET_MULTICAST,
  PACKET_OTHERHOST,
  type Packet,
} from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as vlan from '../packet/vlan.ts';
import type { Device } from './device.ts';
import type { Netns } from './netns.ts';

const UNHANDLED_PROTO = reason('UNHANDLED_PROTO');
const IPV6DISABLED = reason('IPV6DISABLED');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const DEV_READY = reason('DEV_READY');

/** Below this the type field is a length, and LLC follows. */
const ETH_P_802_3_MIN = 0x0600;
const ETH_P_802_3 = 0x0001;
const ETH_P_802_2 = 0x0004;

/** Does a device take the frame? Up to MTU, Ethernet header and one VLAN tag: is_skb_forwardable. Runs per packet. */
export const isForwardable = (pkt: Packet, dev: Device): boolean =>
  dev.up && pkt.length >= ethernet.HEADER_LEN && pkt.length <= dev.mtu + ethernet.HEADER_LEN + vlan.HEADER_LEN;

/** Note how the frame's destination relates to the device, and where the frame begins: eth_type_trans. Runs per packet. */
export function ethTypeTrans(pkt: Packet, dev: Device): void {
  const { view, data } = pkt;
  pkt.l2 = data;
  pkt.iif = dev.index;
  if (ethernet.isMulticast(view, data)) {
    pkt.pktType = ethernet.isBroadcast(view, data) ? PACKET_BROADCAST : PACKET_MULTICAST;
  } else {
    const ours = ethernet.dstHigh(view, data) === dev.macHigh && ethernet.dstLow(view, data) === dev.macLow;
    pkt.pktType = ours ? PACKET_HOST : PACKET_OTHERHOST;
  }
}

/**
 * Take off VLAN tags that no device claims; behind one that carries a priority only there may be one that is claimed.
 * @returns false when the frame is gone
 */
function untag(ns: Netns, pkt: Packet, dev: Device): boolean {
  while (vlan.isTag(ethernet.type(pkt.view, pkt.data))) {
    const id = vlan.id(pkt.view, pkt.data + ethernet.HEADER_LEN);
    vlan.untag(pkt);
    if (id !== 0) {
      pkt.pktType = PACKET_OTHERHOST;
      return true;
    }
    if (!isUntaggable(ns, pkt) || isClaimed(pkt, dev)) return false;
  }
  return true;
}

/** vlan_do_receive: the frame goes on as one that arrived on a VLAN device. */
function isClaimed(pkt: Packet, dev: Device): boolean {
  const upper = dev.vlans === null ? null : dev.vlans.claim(pkt);
  if (upper === null) return false;
  receive(upper.ns, pkt, upper);
  return true;
}

/** skb_vlan_untag: tag and type must be there. */
function isUntaggable(ns: Netns, pkt: Packet): boolean {
  if (!vlan.isTag(ethernet.type(pkt.view, pkt.data))) return true;
  if (pkt.length >= ethernet.HEADER_LEN + vlan.HEADER_LEN + 2) return true;
  ns.drop(pkt, NOT_SPECIFIED);
  return false;
}

/**
 * dev_forward_skb: a frame sent in `from` arrives on a device, as if over a cable; the mark stays inside its namespace.
 * Runs per packet: no allocation.
 */
export function forwardFrame(pkt: Packet, from: Netns, to: Device): void {
  if (!isForwardable(pkt, to)) {
    from.drop(pkt, 0);
    return;
  }
  const { mark } = pkt;
  pkt.scrub();
  if (to.ns === from) pkt.mark = mark;
  ethTypeTrans(pkt, to);
  from.world.backlog.push(to, pkt);
}

/** The protocol that eth_type_trans finds: a type, or one of the two kinds of frames with a length. */
function protocolOf(pkt: Packet): number {
  const type = ethernet.type(pkt.view, pkt.data);
  if (type >= ETH_P_802_3_MIN) return type;
  const novell = pkt.length >= ethernet.HEADER_LEN + 2 && pkt.view.getUint16(pkt.data + ethernet.HEADER_LEN) === 0xffff;
  return novell ? ETH_P_802_3 : ETH_P_802_2;
}

/**
 * `pkt` (at its Ethernet header, pktType set by {@link ethTypeTrans} or a bridge) arrived on `dev`: to the device's
 * handler, or to ARP, IPv4, IPv6. The namespace owns it. Runs per packet: no allocation.
 */
export function receive(ns: Netns, pkt: Packet, dev: Device): void {
  pkt.iif = dev.index;
  pkt.l2 = pkt.data;
  if (!dev.up) {
    ns.drop(pkt, DEV_READY);
    return;
  }
  if (!isUntaggable(ns, pkt)) return;
  if (dev.vlans !== null && isClaimed(pkt, dev)) return;
  if (dev.handler?.handle(pkt, dev)) return;
  if (!untag(ns, pkt, dev)) return;
  const protocol = protocolOf(pkt);
  pkt.protocol = protocol;
  pkt.data += ethernet.HEADER_LEN;
  pkt.l3 = pkt.data;
  // dev_loopback_xmit makes no link header.
  if (pkt.pktType === PACKET_LOOPBACK) pkt.l2 = pkt.l3;
  switch (protocol) {
    case ethernet.ETH_P_IP:
      ns.ip.receive(pkt, dev);
      return;
    case ethernet.ETH_P_ARP:
      ns.arp.receive(pkt, dev);
      return;
    case ethernet.ETH_P_IPV6:
      if (ns.ipv6 !== null) ns.ipv6.receive(pkt, dev);
      else ns.drop(pkt, IPV6DISABLED);
      return;
    default:
      ns.drop(pkt, protocol === ETH_P_802_2 ? NOT_SPECIFIED : UNHANDLED_PROTO);
  }
}
