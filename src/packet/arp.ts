/** ARP for IPv4 over Ethernet, RFC 826; checks as arp_rcv, net/ipv4/arp.c. `at` is the header's first byte. @module */
import { format4, formatMac, parse4, parseMac } from './address.ts';
import { PacketError } from './error.ts';
import { ETH_P_IP } from './ethernet.ts';
import { reason } from './reason.ts';

const HARDWARE_TYPE = 0;
const PROTOCOL_TYPE = 2;
const HARDWARE_LEN = 4;
const PROTOCOL_LEN = 5;
const OPERATION = 6;
const SENDER_MAC = 8;
const SENDER_IP = 14;
const TARGET_MAC = 18;
const TARGET_IP = 24;
export const HEADER_LEN = 28;

export const ARPHRD_ETHER = 1;
export const ARPHRD_IEEE802 = 6;

/** Operations. */
export const REQUEST = 1;
export const REPLY = 2;
export const RREQUEST = 3;
export const RREPLY = 4;
export const IN_REQUEST = 8;
export const IN_REPLY = 9;
export const NAK = 10;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const NOT_SPECIFIED = reason('NOT_SPECIFIED');

export const hardwareType = (v: DataView, at: number): number => v.getUint16(at + HARDWARE_TYPE);
export const protocolType = (v: DataView, at: number): number => v.getUint16(at + PROTOCOL_TYPE);
/** Bytes of a hardware address, and of a protocol address. */
export const hardwareLength = (v: DataView, at: number): number => v.getUint8(at + HARDWARE_LEN);
export const protocolLength = (v: DataView, at: number): number => v.getUint8(at + PROTOCOL_LEN);
export const operation = (v: DataView, at: number): number => v.getUint16(at + OPERATION);
/** Hardware addresses as their first two bytes and their last four (int32), protocol addresses as int32. */
export const senderMacHigh = (v: DataView, at: number): number => v.getUint16(at + SENDER_MAC);
export const senderMacLow = (v: DataView, at: number): number => v.getInt32(at + SENDER_MAC + 2);
export const senderIp = (v: DataView, at: number): number => v.getInt32(at + SENDER_IP);
export const targetMacHigh = (v: DataView, at: number): number => v.getUint16(at + TARGET_MAC);
export const targetMacLow = (v: DataView, at: number): number => v.getInt32(at + TARGET_MAC + 2);
export const targetIp = (v: DataView, at: number): number => v.getInt32(at + TARGET_IP);

export const setOperation = (v: DataView, at: number, value: number): void => v.setUint16(at + OPERATION, value);
export function setSenderMac(v: DataView, at: number, high: number, low: number): void {
  v.setUint16(at + SENDER_MAC, high);
  v.setInt32(at + SENDER_MAC + 2, low);
}
export const setSenderIp = (v: DataView, at: number, address: number): void => v.setInt32(at + SENDER_IP, address);
export function setTargetMac(v: DataView, at: number, high: number, low: number): void {
  v.setUint16(at + TARGET_MAC, high);
  v.setInt32(at + TARGET_MAC + 2, low);
}
export const setTargetIp = (v: DataView, at: number, address: number): void => v.setInt32(at + TARGET_IP, address);

/** Write what every ARP of IPv4 over Ethernet begins with; operation and addresses are the caller's. Runs per packet. */
export function setPreamble(v: DataView, at: number): void {
  v.setUint16(at + HARDWARE_TYPE, ARPHRD_ETHER);
  v.setUint16(at + PROTOCOL_TYPE, ETH_P_IP);
  v.setUint16(at + HARDWARE_LEN, 0x0604);
}

export interface Arp {
  readonly hardwareType: number;
  readonly protocolType: number;
  readonly operation: number;
  readonly senderMac: string;
  readonly senderIp: string;
  readonly targetMac: string;
  readonly targetIp: string;
}

/** 0, or why [at, end) holds no ARP with six-byte and four-byte addresses. Runs per packet. */
export function check(v: DataView, at: number, end: number): number {
  if (end - at < HEADER_LEN) return PKT_TOO_SMALL;
  return v.getUint16(at + HARDWARE_LEN) !== 0x0604 ? NOT_SPECIFIED : 0;
}

/** Read a packet. @throws {PacketError} if it is cut short or has addresses of other lengths. */
export function parse(v: DataView, at: number, end: number): Arp {
  if (end - at < HEADER_LEN) throw new PacketError('arp', `${end - at} bytes, expected at least ${HEADER_LEN}`);
  if (check(v, at, end) !== 0)
    throw new PacketError('arp', `addresses of ${hardwareLength(v, at)} and ${protocolLength(v, at)} bytes`);
  const bytes = new Uint8Array(v.buffer, v.byteOffset);
  return {
    hardwareType: hardwareType(v, at),
    protocolType: protocolType(v, at),
    operation: operation(v, at),
    senderMac: formatMac(bytes, at + SENDER_MAC),
    senderIp: format4(senderIp(v, at)),
    targetMac: formatMac(bytes, at + TARGET_MAC),
    targetIp: format4(targetIp(v, at)),
  };
}

/** Write a packet. Inverse of {@link parse}. @throws {PacketError} if an address is none. */
export function emit(arp: Arp, v: DataView, at: number): void {
  setPreamble(v, at);
  v.setUint16(at + HARDWARE_TYPE, arp.hardwareType);
  v.setUint16(at + PROTOCOL_TYPE, arp.protocolType);
  setOperation(v, at, arp.operation);
  putMac(v, at + SENDER_MAC, arp.senderMac);
  putIp(v, at + SENDER_IP, arp.senderIp);
  putMac(v, at + TARGET_MAC, arp.targetMac);
  putIp(v, at + TARGET_IP, arp.targetIp);
}

function putMac(v: DataView, at: number, text: string): void {
  const mac = parseMac(text);
  if (mac === undefined) throw new PacketError('arp', `not a MAC address: ${text}`);
  new Uint8Array(v.buffer, v.byteOffset).set(mac, at);
}

function putIp(v: DataView, at: number, text: string): void {
  const address = parse4(text);
  if (address === undefined) throw new PacketError('arp', `not an address: ${text}`);
  v.setInt32(at, address);
}
