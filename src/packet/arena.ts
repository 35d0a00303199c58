/**
 * Where packets live: slots of a few fixed sizes in ArrayBuffers that are never resized, handed out and taken back
 * without allocation (mm/slub.c and skbuff_head_cache, in the small). @module
 */
import { FLAG_KERNEL_SOCKET, FLAG_SOCKET, FLAG_SOCKLESS, Packet } from './packet.ts';

/** Bytes kept free in front of a new packet: outer Ethernet, IPv6, UDP and VXLAN headers twice over. */
export const HEADROOM = 192;

/** Bytes of a slot by size class: an ordinary frame; a GSO-sized one (64 KiB of IP in Ethernet, and its geometry: net/geometry.ts). */
const SLOT_BYTES = [2048, 67_584] as const;
const SLOTS_PER_ARENA = [64, 4] as const;

/** A free list of packets. Not shared between labs. */
export class PacketPool {
  private readonly free: [Packet[], Packet[]] = [[], []];
  private readonly limit: number;
  private reserved = 0;
  private serial = 0;
  /** Packets handed out and not yet back. */
  live = 0;

  /** @param limit bytes that the pool may reserve in all; when they are used up `take` says null (ENOMEM). */
  constructor(limit: number = 256 * 2 ** 20) {
    this.limit = limit;
  }

  /**
   * A packet of `length` bytes (not cleared) behind {@link HEADROOM}, or null when `length` fits no slot or the limit is
   * reached. Runs per packet: no allocation but when the pool grows.
   */
  take(length: number): Packet | null {
    const sizeClass = length + HEADROOM <= SLOT_BYTES[0] ? 0 : 1;
    if (length + HEADROOM > SLOT_BYTES[sizeClass]) return null;
    const list = this.free[sizeClass];
    if (list.length === 0 && !this.grow(sizeClass)) return null;
    const pkt = list.pop()!;
    this.live++;
    pkt.scrub();
    pkt.id = ++this.serial;
    pkt.data = pkt.head + HEADROOM;
    pkt.end = pkt.data + length;
    return pkt;
  }

  /** A packet with the bytes and the metadata of `pkt`, but no socket's: skb_copy. */
  copy(pkt: Packet): Packet | null {
    const twin = this.take(pkt.length);
    if (twin === null) return null;
    twin.copyBytes(pkt, pkt.data, pkt.end, twin.data);
    twin.copyMetadata(pkt);
    twin.flags = (twin.flags & ~(FLAG_SOCKET | FLAG_KERNEL_SOCKET)) | FLAG_SOCKLESS;
    return twin;
  }

  /** A packet holding `frame`, an Ethernet frame without FCS, or null as {@link take} does. */
  from(frame: Uint8Array): Packet | null {
    const pkt = this.take(frame.length);
    if (pkt !== null) pkt.bytes.set(frame, pkt.data);
    return pkt;
  }

  /** Take a packet back; its holder forgets it. */
  release(pkt: Packet): void {
    if (pkt.data < 0) throw new Error(`packet ${pkt.id} released twice`);
    pkt.data = -1;
    this.live--;
    this.free[pkt.sizeClass as 0 | 1].push(pkt);
  }

  private grow(sizeClass: 0 | 1): boolean {
    const slot = SLOT_BYTES[sizeClass];
    const slots = SLOTS_PER_ARENA[sizeClass];
    if (this.reserved + slot * slots > this.limit) return false;
    this.reserved += slot * slots;
    const buffer = new ArrayBuffer(slot * slots);
    const view = new DataView(buffer);
    const bytes = new Uint8Array(buffer);
    for (let i = slots - 1; i >= 0; i--) {
      this.free[sizeClass].push(new Packet(view, bytes, i * slot, (i + 1) * slot, sizeClass));
    }
    return true;
  }
}
