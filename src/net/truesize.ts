/**
 * skb->truesize: the memory that a packet holds, which is what the limits of queues count. __alloc_skb and kmalloc_reserve,
 * net/core/skbuff.c of a 64-bit kernel; sizes in bytes. @module
 */
import type { Packet } from '../packet/packet.ts';

const CACHE_LINE = 64;
/** SKB_DATA_ALIGN of struct skb_shared_info, and of struct sk_buff. */
const SHARED_INFO = 320;
const SK_BUFF = 256;
/** SKB_SMALL_HEAD_CACHE_SIZE, where no link wants more room for headers than Ethernet. */
const SMALL_HEAD = 576;
/** In front of the IP header: LL_RESERVED_SPACE and the Ethernet header. */
const HEADROOM = 30;

/** Data and skb_shared_info lie in one allocation, of the small heads' cache or of a power of two. */
function allocation(bytes: number): number {
  if (bytes <= SMALL_HEAD) return SMALL_HEAD;
  return 2 ** Math.ceil(Math.log2(bytes));
}

/** What `pkt` (its IP header at `l3`) counts, as a packet socket or this host would have allocated it. */
export function truesize({ l3, end }: Packet): number {
  const data = Math.ceil((end - l3 + HEADROOM) / CACHE_LINE) * CACHE_LINE;
  return SK_BUFF + allocation(data + SHARED_INFO);
}
