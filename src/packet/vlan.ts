/**
 * VLAN tag, IEEE 802.1Q clause 9 (and the outer one of 802.1ad). `at` is the tag control information, right after the
 * ethertype 0x8100 or 0x88a8, as in struct vlan_hdr; tags stack by naming such an ethertype again. @module
 */
import { PacketError } from './error.ts';
import { HEADER_LEN as ETH_HLEN, ETH_P_8021AD, ETH_P_8021Q, type as etherType } from './ethernet.ts';
import type { Packet } from './packet.ts';
import { reason } from './reason.ts';

const TCI = 0;
const TYPE = 2;
export const HEADER_LEN = 4;

export const ID_MASK = 0x0fff;
export const DEI = 0x1000;
export const PRIORITY_SHIFT = 13;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');

/** An ethertype that announces a tag. */
export const isTag = (type: number): boolean => type === ETH_P_8021Q || type === ETH_P_8021AD;

/** Priority, DEI and id as they stand. */
export const tci = (v: DataView, at: number): number => v.getUint16(at + TCI);
/** VLAN id, 0..4095; 0 carries a priority only. */
export const id = (v: DataView, at: number): number => v.getUint16(at + TCI) & ID_MASK;
export const priority = (v: DataView, at: number): number => v.getUint16(at + TCI) >>> PRIORITY_SHIFT;
export const isDropEligible = (v: DataView, at: number): boolean => (v.getUint16(at + TCI) & DEI) !== 0;
/** Ethertype of what follows the tag. */
export const type = (v: DataView, at: number): number => v.getUint16(at + TYPE);

export const setTci = (v: DataView, at: number, value: number): void => v.setUint16(at + TCI, value);
export const setId = (v: DataView, at: number, value: number): void =>
  v.setUint16(at + TCI, (v.getUint16(at + TCI) & ~ID_MASK) | value);
export const setType = (v: DataView, at: number, value: number): void => v.setUint16(at + TYPE, value);

export interface Vlan {
  readonly priority: number;
  readonly dropEligible: boolean;
  readonly id: number;
  readonly type: number;
}

/** 0, or why [at, end) holds no tag. Runs per packet. */
export const check = (_v: DataView, at: number, end: number): number => (end - at < HEADER_LEN ? PKT_TOO_SMALL : 0);

/**
 * First byte behind the Ethernet header at `l2` and all its tags, or -1 if a tag is cut short. The ethertype of what
 * stands there is the two bytes before it. Runs per packet.
 */
export function payload(v: DataView, l2: number, end: number): number {
  if (end - l2 < ETH_HLEN) return -1;
  let at = l2 + ETH_HLEN;
  for (let next = etherType(v, l2); isTag(next); at += HEADER_LEN) {
    if (end - at < HEADER_LEN) return -1;
    next = type(v, at);
  }
  return at;
}

/** Read a tag. @throws {PacketError} if it is cut short. */
export function parse(v: DataView, at: number, end: number): Vlan {
  if (check(v, at, end) !== 0) throw new PacketError('vlan', `${end - at} bytes, expected at least ${HEADER_LEN}`);
  return { priority: priority(v, at), dropEligible: isDropEligible(v, at), id: id(v, at), type: type(v, at) };
}

/** Write a tag. Inverse of {@link parse}. */
export function emit(vlan: Vlan, v: DataView, at: number): void {
  setTci(v, at, (vlan.priority << PRIORITY_SHIFT) | (vlan.dropEligible ? DEI : 0) | vlan.id);
  setType(v, at, vlan.type);
}

/** The two addresses of an Ethernet header, in front of which there is nothing and behind which tags go. */
const ADDRESSES_LEN = 12;

/** Take the outer tag off a frame whose Ethernet header is at `pkt.data`: skb_vlan_untag. Runs per packet. */
export function untag(pkt: Packet): void {
  const { data } = pkt;
  pkt.bytes.copyWithin(data + HEADER_LEN, data, data + ADDRESSES_LEN);
  pkt.data = pkt.l2 = data + HEADER_LEN;
}

/**
 * Put a tag in front of those that a frame at `pkt.data` has: __vlan_insert_tag. Runs per packet.
 * @returns false when there is no room for it
 */
export function insert(pkt: Packet, type: number, value: number): boolean {
  if (!pkt.push(HEADER_LEN)) return false;
  const { view, data } = pkt;
  pkt.bytes.copyWithin(data, data + HEADER_LEN, data + HEADER_LEN + ADDRESSES_LEN);
  view.setUint16(data + ADDRESSES_LEN, type);
  setTci(view, data + ETH_HLEN, value);
  pkt.l2 = data;
  return true;
}
