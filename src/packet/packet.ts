/**
 * A packet under way: the sk_buff. A range of its pool's arena, and integers beside it (include/linux/skbuff.h).
 *
 * Layout of a slot, growing to the right:
 *
 *     head        data            l3      l4                end        limit
 *     |- headroom -|- link header -|- IP ..-|- segment ... ---|- tailroom -|
 *
 * Offsets are absolute in the arena; -1 says "not known". Headers are pushed in front of `data` and pulled from it,
 * so an encapsulation never copies. @module
 */

/** `pktType`, include/uapi/linux/if_packet.h: how the frame's destination address relates to the receiving device. */
export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
export const PACKET_OTHERHOST = 3;
export const PACKET_OUTGOING = 4;
export const PACKET_LOOPBACK = 5;

/** Bits of `flags`. */
export const FLAG_TRACE = 1; // skb->nf_trace: the raw table's TRACE target asked for it
export const FLAG_BRIDGED = 2; // in or through a bridge's netfilter hooks
export const FLAG_BRIDGED_DNAT = 4; // DNATed while bridged: keep the frame on the bridge
export const FLAG_FORWARDED = 8; // IPSKB_FORWARDED
export const FLAG_REROUTED = 16; // IPSKB_REROUTED
export const FLAG_CSUM_OK = 32; // CHECKSUM_UNNECESSARY: made here, or already verified
export const FLAG_DEFRAG = 64; // reassembled by conntrack (skb->ignore_df): may be fragmented again, whatever its header says
export const FLAG_CSUM_PARTIAL = 128; // CHECKSUM_PARTIAL: the device will sum it; until then the field has the pseudo header's
export const FLAG_SOCKET = 256; // skb->sk is a process's socket; the process is root's, as a lab's are
export const FLAG_SOCKLESS = 512; // made here, but without any socket, not even the kernel's own
export const FLAG_FRAG_PMTU = 1024; // IPSKB_FRAG_PMTU: reassembled from fragments with DF, and so are its new ones
export const FLAG_KERNEL_SOCKET = 2048; // skb->sk is the kernel's own socket, though a device is named: a tunnel's outer packet
export const FLAG_CSUM_VALID = 4096; // skb->csum_valid: found right once, here or as a tunnel's outer packet; REJECT's errors believe it

/** Has it a socket (skb->sk), a process's or the kernel's own? What came in has none; what was made here has, unless it says so. */
export const hasSocket = ({ flags, iif }: Packet): boolean =>
  (flags & (FLAG_SOCKET | FLAG_KERNEL_SOCKET)) !== 0 || (iif === 0 && (flags & FLAG_SOCKLESS) === 0);

export class Packet {
  /**
   * The arena as big-endian fields and as bytes; shared by many packets, so only [data, end) is this one's. They change
   * hands in `exchange` alone: read them again after whatever may reassemble (a hook).
   */
  view: DataView;
  bytes: Uint8Array;
  /** The slot: first byte, and one past the last. */
  head: number;
  limit: number;

  /** First byte of what the current layer sees, and one past the packet's last byte. */
  data = 0;
  end = 0;
  /** Link, network and transport header. */
  l2 = -1;
  l3 = -1;
  l4 = -1;
  /** Ethertype of what `l3` points at, host order. */
  protocol = 0;
  pktType: number = PACKET_HOST;
  flags = 0;
  /** skb->mark, an int32 (print with `>>> 0`). */
  mark = 0;
  priority = 0;
  /** ifindex of the device that it came in by (0: made here) and of the one it leaves by; of the packet's namespace. */
  iif = 0;
  oif = 0;
  /** ifindex of the bridge ports that it passed (br_netfilter's physindev, physoutdev); 0 when not bridged. */
  physIn = 0;
  physOut = 0;
  /** Connection (row of the namespace's table), -1 for none, and how the packet relates to it (IP_CT_*). */
  ct = -1;
  ctInfo = 0;
  /** The route (skb_dst): its type (RTN_*; 0 is none), the next hop's address (int32), and the path's MTU in bytes. */
  routeType = 0;
  nextHop = 0;
  pathMtu = 0;
  /** RTCF_* and more (net/route.ts), and the errno (positive) of a route that leads nowhere. */
  routeFlags = 0;
  routeError = 0;
  /** IPv4 options (IPCB's opt): offsets of source route, record route, timestamp, CIPSO; and what they want. */
  options = 0;
  optionFlags = 0;
  /** Largest fragment that it was reassembled from (bytes, IP header included; 0: it came whole), and where their sizes stand. */
  fragMax = 0;
  fragments = -1;
  /** Why it died: see reason.ts. */
  reason = 0;
  /** One number for a packet at every point that it passes; copies have their own. */
  id = 0;
  /** Size class of its slot, for the pool. */
  sizeClass: number;

  constructor(view: DataView, bytes: Uint8Array, head: number, limit: number, sizeClass: number) {
    this.view = view;
    this.bytes = bytes;
    this.head = head;
    this.limit = limit;
    this.sizeClass = sizeClass;
  }

  /** Bytes from `data` to the end. */
  get length(): number {
    return this.end - this.data;
  }

  /** Make room for `n` bytes in front; false when the headroom is used up. */
  push(n: number): boolean {
    if (this.data - n < this.head) return false;
    this.data -= n;
    return true;
  }

  /** Drop `n` bytes from the front; false when there are fewer. */
  pull(n: number): boolean {
    if (this.data + n > this.end) return false;
    this.data += n;
    return true;
  }

  /** Set the length to `n` bytes (shorter or longer); false when the slot has no room. Bytes added are not cleared. */
  resize(n: number): boolean {
    if (n < 0 || this.data + n > this.limit) return false;
    this.end = this.data + n;
    return true;
  }

  /** Forget everything but the bytes from `data` to `end`, as a packet does that crosses into another namespace. */
  scrub(): void {
    this.l2 = this.l3 = this.l4 = -1;
    this.protocol = 0;
    this.pktType = PACKET_HOST;
    this.flags = 0;
    this.mark = 0;
    this.priority = 0;
    this.iif = this.oif = 0;
    this.physIn = this.physOut = 0;
    this.ct = -1;
    this.ctInfo = 0;
    this.routeType = 0;
    this.nextHop = 0;
    this.pathMtu = 0;
    this.routeFlags = this.routeError = 0;
    this.options = this.optionFlags = 0;
    this.fragMax = 0;
    this.fragments = -1;
    this.reason = 0;
  }

  /**
   * Swap bytes, and what points into them, with another packet: skb_morph. So a fragment under way becomes the datagram
   * that it completed, and whoever holds the Packet goes on with it.
   */
  exchange(other: Packet): void {
    const { view, bytes, head, limit, sizeClass, data, end, l2, l3, l4 } = this;
    this.view = other.view;
    this.bytes = other.bytes;
    this.head = other.head;
    this.limit = other.limit;
    this.sizeClass = other.sizeClass;
    this.data = other.data;
    this.end = other.end;
    this.l2 = other.l2;
    this.l3 = other.l3;
    this.l4 = other.l4;
    other.view = view;
    other.bytes = bytes;
    other.head = head;
    other.limit = limit;
    other.sizeClass = sizeClass;
    other.data = data;
    other.end = end;
    other.l2 = l2;
    other.l3 = l3;
    other.l4 = l4;
  }

  /** Put the bytes [start, end) of `from` at `at`. No allocation while both lie in one arena, as nearly all do. */
  copyBytes(from: Packet, start: number, end: number, at: number): void {
    if (from.bytes === this.bytes) this.bytes.copyWithin(at, start, end);
    else this.bytes.set(from.bytes.subarray(start, end), at);
  }

  /** Take over another packet's metadata and offsets; the bytes must lie at the same distance from `data`. */
  copyMetadata(from: Packet): void {
    const shift = this.data - from.data;
    this.l2 = from.l2 < 0 ? -1 : from.l2 + shift;
    this.l3 = from.l3 < 0 ? -1 : from.l3 + shift;
    this.l4 = from.l4 < 0 ? -1 : from.l4 + shift;
    this.protocol = from.protocol;
    this.pktType = from.pktType;
    this.flags = from.flags;
    this.mark = from.mark;
    this.priority = from.priority;
    this.iif = from.iif;
    this.oif = from.oif;
    this.physIn = from.physIn;
    this.physOut = from.physOut;
    this.ct = from.ct;
    this.ctInfo = from.ctInfo;
    this.routeType = from.routeType;
    this.nextHop = from.nextHop;
    this.pathMtu = from.pathMtu;
    this.routeFlags = from.routeFlags;
    this.routeError = from.routeError;
    this.options = from.options;
    this.optionFlags = from.optionFlags;
    this.fragMax = from.fragMax;
    this.fragments = -1;
    this.reason = 0;
  }
}
