/** VXLAN header, RFC 7348 section 5 (include/net/vxlan.h). `at` is the header's first byte, behind UDP. @module */
import { PacketError } from './error.ts';
import { reason } from './reason.ts';

const FLAGS = 0;
const VNI = 4;
export const HEADER_LEN = 8;

/** The flag that says that the VNI is valid, as the first word. */
export const VNI_VALID = 0x08000000;
/** UDP ports: the one that IANA assigned, and the older one that Linux takes unless told. */
export const IANA_PORT = 4789;
export const LINUX_PORT = 8472;

const PKT_TOO_SMALL = reason('PKT_TOO_SMALL');
const VXLAN_INVALID_HDR = reason('VXLAN_INVALID_HDR');

/** The whole first word (uint32): flags, and the reserved bits that extensions use. */
export const flags = (v: DataView, at: number): number => v.getUint32(at + FLAGS);
/** Network identifier, 0..0xffffff. */
export const vni = (v: DataView, at: number): number => v.getUint32(at + VNI) >>> 8;
/** The last byte, reserved. */
export const reserved = (v: DataView, at: number): number => v.getUint8(at + VNI + 3);

/** Write a header with a VNI and nothing else. Runs per packet. */
export function set(v: DataView, at: number, id: number): void {
  v.setUint32(at + FLAGS, VNI_VALID);
  v.setUint32(at + VNI, id << 8);
}

export interface Vxlan {
  readonly flags: number;
  readonly vni: number;
  readonly reserved: number;
}

/** 0, or why [at, end) holds no header with a valid VNI (vxlan_rcv). Runs per packet. */
export function check(v: DataView, at: number, end: number): number {
  if (end - at < HEADER_LEN) return PKT_TOO_SMALL;
  return (flags(v, at) & VNI_VALID) === 0 ? VXLAN_INVALID_HDR : 0;
}

/** Read a header from bytes [at, end). @throws {PacketError} if it is cut short. */
export function parse(v: DataView, at: number, end: number): Vxlan {
  if (end - at < HEADER_LEN) throw new PacketError('vxlan', `${end - at} bytes, expected at least ${HEADER_LEN}`);
  return { flags: flags(v, at), vni: vni(v, at), reserved: reserved(v, at) };
}

/** Write a header at `at`. Inverse of {@link parse}. */
export function emit(vxlan: Vxlan, v: DataView, at: number): void {
  v.setUint32(at + FLAGS, vxlan.flags);
  v.setUint32(at + VNI, (vxlan.vni << 8) | vxlan.reserved);
}
