/**
 * Reassembly of IPv6: for this host (net/ipv6/reassembly.c), where mistakes are answered, and for conntrack
 * (net/ipv6/netfilter/nf_conntrack_reasm.c), where they are not. Overlaps kill the datagram, RFC 5722. @module
 */
import * as icmpv6 from '../packet/icmpv6.ts';
import * as ipv6 from '../packet/ipv6.ts';
import * as ext from '../packet/ipv6-ext.ts';
import { FLAG_DEFRAG, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import * as tcp from '../packet/tcp.ts';
import * as udp from '../packet/udp.ts';
import { SECOND, type Task } from '../sim/clock.ts';
import { mergedEcn } from './fragment.ts';
import { FragmentQueue, IPFRAG_DUP, IPFRAG_OVERLAP } from './fragment-queue.ts';
import { FragmentTable } from './fragment-table.ts';
import { geometryBegin, geometryBytes, geometryMark } from './geometry.ts';
import { equalIn6, type In6, in6, isLinkLocal, isMulticast, readIn6 } from './in6.ts';
import type { Ipv6 } from './ip6.ts';
import { IP6_FRAGMENTED, nextHeaderPlace, setPlaces } from './ip6-exthdrs.ts';
import { truesize } from './truesize.ts';

/** Who reassembles: enum ip6_defrag_users. Conntrack adds its zone to its own. */
const IP6_DEFRAG_LOCAL_DELIVER = 0;

/** What becomes of a fragment: it is the whole datagram now; it is no business of the queues; it waits (or died); drop it. */
export const WHOLE = 1;
export const PASS = 2;
export const TAKEN = 0;
export const REFUSED = -1;

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const DUP_FRAG = reason('DUP_FRAG');
const FRAG_REASM_TIMEOUT = reason('FRAG_REASM_TIMEOUT');
const NOMEM = reason('NOMEM');

const HDR_INCOMP = 3;
const MAX_PAYLOAD = 0xffff;
const PAYLOAD_LENGTH_AT = 4;
const FRAGMENT_FIELD_AT = 2;
/** Behind a reassembled packet, for targets that make it longer. */
const SLACK = 64;

/** The queue, and where its datagram's fragmentable part begins: from the first fragment. */
class Queue6 extends FragmentQueue {
  /** Place of the next-header field that says "fragment", from the header on. */
  nhoff = 0;
  /** Bytes before the fragment header. */
  unfragmentable = 0;
  private readonly id: number;
  private readonly src: In6;
  private readonly dst: In6;
  private readonly link: number;

  constructor(key: number, number: number, user: number, id: number, src: In6, dst: In6, link: number) {
    super(key, number, user);
    this.id = id;
    this.src = src.slice();
    this.dst = dst.slice();
    this.link = link;
  }

  /** struct frag_v6_compare_key. */
  is(id: number, user: number, src: In6, dst: In6, link: number): boolean {
    if (this.id !== id || this.user !== user || this.link !== link) return false;
    return equalIn6(this.src, src) && equalIn6(this.dst, dst);
  }
}

const found = new ext.Found();

/** ipv6frag_thdr_truncated: a first fragment must have all headers, RFC 8200 4.5. `at` is its fragment header. */
function lacksHeaders({ view, end }: Packet, at: number): boolean {
  if (!ext.skip(view, at, end, ext.FRAGMENT, found) || found.fragmentOffset !== 0) return false;
  return found.at + headerBytes(found.protocol) > end;
}

function headerBytes(protocol: number): number {
  switch (protocol) {
    case 6:
      return tcp.HEADER_LEN;
    case 17:
      return udp.HEADER_LEN;
    case 58:
      return icmpv6.HEADER_LEN;
    default:
      return 1;
  }
}

/** The fragment queues of IPv6 of one namespace. */
export class Defragmenter6 {
  private readonly ip6: Ipv6;
  private readonly queues = new FragmentTable<Queue6>();
  private readonly src: In6 = in6();
  private readonly dst: In6 = in6();
  /** Bytes of packets that wait (truesize), for this host and for conntrack. */
  private readonly memory = [0, 0];
  private readonly highThresh = [0, 0];
  private readonly timeout = [0, 0];
  private readonly expire: Task = { run: (number) => this.onTimeout(number) };

  constructor(ip6: Ipv6) {
    this.ip6 = ip6;
    const { sysctl } = ip6.ns;
    for (const [i, prefix] of ['net.ipv6.ip6frag', 'net.netfilter.nf_conntrack_frag6'].entries()) {
      sysctl.watch(`${prefix}_high_thresh`, 4 * 2 ** 20, (value) => {
        this.highThresh[i] = value;
      });
      sysctl.define(`${prefix}_low_thresh`, 3 * 2 ** 20);
      sysctl.watch(i === 0 ? `${prefix}_time` : `${prefix}_timeout`, 60, (value) => {
        this.timeout[i] = value * SECOND;
      });
    }
  }

  /** Queues that wait for more. */
  get size(): number {
    return this.queues.size;
  }

  /** ipv6_frag_rcv; `pkt.l4` at the fragment header. @returns WHOLE or TAKEN */
  receive(pkt: Packet): number {
    const { view, l3, l4, end } = pkt;
    const atomic = end - l4 >= ext.FRAGMENT_LEN && (view.getUint16(l4 + FRAGMENT_FIELD_AT) & ~6) === 0;
    const again = (pkt.optionFlags & IP6_FRAGMENTED) !== 0;
    if (again || ipv6.payloadLength(view, l3) === 0 || end - l4 < ext.FRAGMENT_LEN) {
      return this.refuse(pkt, icmpv6.HDR_FIELD, l4 - l3);
    }
    if (atomic) {
      setPlaces(pkt, l4 - l3, l4 - l3 + ext.FRAGMENT_LEN);
      pkt.optionFlags |= IP6_FRAGMENTED;
      pkt.fragMax = ipv6.payloadLength(view, l3) + ipv6.HEADER_LEN;
      pkt.l4 += ext.FRAGMENT_LEN;
      return WHOLE;
    }
    if (lacksHeaders(pkt, l4)) return this.refuse(pkt, HDR_INCOMP, 0);
    const queue = this.queueFor(pkt, l4, IP6_DEFRAG_LOCAL_DELIVER);
    if (queue === null) {
      this.ip6.ns.drop(pkt, NOT_SPECIFIED);
      return TAKEN;
    }
    const wrong = fieldInError(pkt, l4);
    if (wrong !== 0) return this.refuse(pkt, icmpv6.HDR_FIELD, wrong);
    return this.insert(queue, pkt, l4, nextHeaderPlace(pkt));
  }

  /** nf_ct_frag6_gather: a fragment on its way through conntrack. @returns WHOLE, PASS, TAKEN or REFUSED */
  gather(pkt: Packet, user: number): number {
    const { view, l3, end } = pkt;
    if (ipv6.payloadLength(view, l3) === 0) return PASS;
    const at = fragmentHeader(pkt);
    if (at < 0 || lacksHeaders(pkt, at)) return PASS;
    if (end - at < ext.FRAGMENT_LEN) return REFUSED;
    const queue = this.queueFor(pkt, at, user);
    if (queue === null) return REFUSED;
    const wrong = fieldInError(pkt, at);
    if (wrong === PAYLOAD_LENGTH_AT) {
      this.kill(queue);
      this.dropAll(queue, NOT_SPECIFIED);
      return PASS;
    }
    if (wrong !== 0) return REFUSED;
    return this.insert(queue, pkt, at, nextHeaderField - l3);
  }

  private refuse(pkt: Packet, code: number, pointer: number): number {
    this.ip6.icmp.parameterProblem(pkt, code, pointer);
    this.ip6.ns.drop(pkt, NOT_SPECIFIED);
    return TAKEN;
  }

  /** fq_find. A new queue is refused when fragments have all the memory that they may. */
  private queueFor({ view, l3, iif }: Packet, at: number, user: number): Queue6 | null {
    const src = readIn6(view, l3 + ipv6.SRC, this.src);
    const dst = readIn6(view, l3 + ipv6.DST, this.dst);
    const link = isMulticast(dst[0]!) || isLinkLocal(dst[0]!) ? iif : 0;
    const id = ext.fragmentId(view, at);
    const key = (Math.imul(id ^ src[3]! ^ (dst[3]! << 7), 0x9e3779b1) ^ user) | 0;
    for (let queue = this.queues.first(key); queue !== null; queue = queue.next)
      if (queue.is(id, user, src, dst, link)) return queue;
    const kind = Number(user !== IP6_DEFRAG_LOCAL_DELIVER);
    if (this.memory[kind]! > this.highThresh[kind]! || this.highThresh[kind] === 0) return null;
    const queue = new Queue6(key, this.queues.number(), user, id, src, dst, link);
    this.queues.add(queue);
    queue.timer = this.ip6.ns.clock.after(this.timeout[kind]!, this.expire, queue.number);
    return queue;
  }

  /** ip6_frag_queue, nf_ct_frag6_queue. */
  private insert(queue: Queue6, pkt: Packet, at: number, nhoff: number): number {
    const { view, l3 } = pkt;
    const offset = ext.fragmentOffset(view, at);
    const head = at + ext.FRAGMENT_LEN - l3;
    const end = offset + ipv6.payloadLength(view, l3) + ipv6.HEADER_LEN - head;
    if (!ext.hasMore(view, at)) {
      if (end < queue.length || (queue.lastIn && end !== queue.length)) return this.fail(queue, pkt, true);
      queue.lastIn = true;
      queue.length = end;
    } else if (end > queue.length) {
      if (queue.lastIn) return this.fail(queue, pkt, true);
      queue.length = end;
    }
    if (end === offset) return this.fail(queue, pkt, true);
    const place = queue.insert(pkt, offset, end);
    if (place === IPFRAG_DUP) {
      this.ip6.ns.drop(pkt, DUP_FRAG);
      return TAKEN;
    }
    if (place === IPFRAG_OVERLAP) return this.fail(queue, pkt, false);
    pkt.l4 = at;
    queue.note(pkt.iif, pkt.end - l3, head, ipv6.trafficClass(view, l3) & 3, offset === 0, false);
    if (offset === 0) {
      queue.nhoff = nhoff;
      queue.unfragmentable = at - l3;
    }
    this.memory[Number(queue.user !== IP6_DEFRAG_LOCAL_DELIVER)]! += truesize(pkt);
    if (!queue.firstIn || !queue.lastIn || queue.meat !== queue.length) return TAKEN;
    return this.reassemble(queue, pkt);
  }

  /** The queue is hopeless. Conntrack drops the fragment alone where the fragment itself is at fault. */
  private fail(queue: Queue6, pkt: Packet, corrupt: boolean): number {
    const local = queue.user === IP6_DEFRAG_LOCAL_DELIVER;
    if (local || !corrupt) {
      this.kill(queue);
      this.dropAll(queue, NOT_SPECIFIED);
    }
    if (!local) return REFUSED;
    this.ip6.ns.drop(pkt, NOT_SPECIFIED);
    return TAKEN;
  }

  private kill(queue: Queue6): void {
    this.ip6.ns.clock.cancel(queue.timer);
    this.queues.delete(queue);
  }

  private dropAll(queue: Queue6, why: number): void {
    for (const pkt of queue.fragments) {
      this.forget(queue, pkt);
      this.ip6.ns.drop(pkt, why);
    }
    queue.fragments.length = 0;
  }

  private forget(queue: Queue6, pkt: Packet): void {
    this.memory[Number(queue.user !== IP6_DEFRAG_LOCAL_DELIVER)]! -= truesize(pkt);
  }

  /** ip6_frag_reasm: the last fragment's Packet becomes the datagram, without the fragment header. */
  private reassemble(queue: Queue6, pkt: Packet): number {
    this.kill(queue);
    const ecn = mergedEcn(queue.ecn);
    const length = queue.unfragmentable + queue.length;
    const fits = length - ipv6.HEADER_LEN <= MAX_PAYLOAD;
    const whole = ecn < 0 || !fits ? null : this.ip6.ns.pool.take(length + geometryBytes(length) + SLACK);
    if (whole === null) {
      this.dropRest(queue, pkt);
      if (queue.user !== IP6_DEFRAG_LOCAL_DELIVER) return REFUSED;
      this.ip6.ns.drop(pkt, ecn < 0 || !fits ? NOT_SPECIFIED : NOMEM);
      return TAKEN;
    }
    whole.resize(length);
    this.gatherBytes(queue, whole);
    const { view, data } = whole;
    ipv6.setPayloadLength(view, data, length - ipv6.HEADER_LEN);
    ipv6.setTrafficClass(view, data, ipv6.trafficClass(view, data) | ecn);
    this.become(queue, pkt, whole);
    return WHOLE;
  }

  /** All but the last, whose owner drops it. */
  private dropRest(queue: Queue6, last: Packet): void {
    queue.fragments.splice(queue.fragments.indexOf(last), 1);
    this.forget(queue, last);
    this.dropAll(queue, NOT_SPECIFIED);
  }

  private gatherBytes(queue: Queue6, whole: Packet): void {
    const { fragments, offsets, unfragmentable: head } = queue;
    const first = fragments[0]!;
    const link = first.l2 < 0 ? 0 : first.l3 - first.l2;
    whole.copyBytes(first, first.l3 - link, first.l3 + head, whole.data - link);
    whole.l2 = first.l2 < 0 ? -1 : whole.data - link;
    whole.view.setUint8(whole.data + queue.nhoff, ext.nextHeader(first.view, first.l4));
    fragments.forEach((pkt, i) => {
      whole.copyBytes(pkt, pkt.l4 + ext.FRAGMENT_LEN, pkt.end, whole.data + head + offsets[i]!);
    });
    if (queue.user === IP6_DEFRAG_LOCAL_DELIVER) return;
    // Places are counted from the end of the IPv6 header: the headers in front of the data come in eights, too.
    geometryBegin(whole, whole.end - whole.data);
    for (const offset of offsets) geometryMark(whole, head - ipv6.HEADER_LEN + offset);
  }

  /** Put the datagram's bytes under the Packet of the last fragment, and free the others. */
  private become(queue: Queue6, pkt: Packet, whole: Packet): void {
    const { fragments } = queue;
    const first = fragments[0]!;
    for (const fragment of fragments) this.forget(queue, fragment);
    const { fragments: geometry } = whole;
    whole.l3 = whole.data;
    whole.l4 = whole.data + queue.unfragmentable;
    const { mark, priority, pktType, optionFlags, flags } = first;
    pkt.exchange(whole);
    pkt.fragments = geometry;
    pkt.mark = mark;
    pkt.priority = priority;
    pkt.pktType = pktType;
    // Conntrack moves the transport header, but not the place of the field that names it.
    const local = queue.user === IP6_DEFRAG_LOCAL_DELIVER;
    setPlaces(pkt, local ? queue.nhoff : nextHeaderPlace(first), queue.unfragmentable);
    pkt.optionFlags = optionFlags | IP6_FRAGMENTED;
    pkt.flags = queue.user === IP6_DEFRAG_LOCAL_DELIVER ? flags : flags | FLAG_DEFRAG;
    pkt.fragMax = queue.maxSize;
    whole.fragments = -1;
    this.ip6.ns.pool.release(whole);
    for (const fragment of fragments) if (fragment !== pkt) this.ip6.ns.pool.release(fragment);
    fragments.length = 0;
  }

  /** ip6frag_expire_frag_queue: only who knows the datagram's beginning says so. Conntrack's queues do, too. */
  private onTimeout(number: number): void {
    const queue = this.queues.withNumber(number);
    this.kill(queue);
    const [head] = queue.fragments;
    if (queue.firstIn && head !== undefined) {
      this.ip6.icmp.send(head, icmpv6.TIME_EXCEED, icmpv6.EXC_FRAGTIME, 0);
    }
    this.dropAll(queue, FRAG_REASM_TIMEOUT);
  }
}

/** The place of the field, from the header on, that makes a fragment impossible; 0 when nothing does. */
function fieldInError({ view, l3 }: Packet, at: number): number {
  const length = ipv6.payloadLength(view, l3) + ipv6.HEADER_LEN - (at + ext.FRAGMENT_LEN - l3);
  const end = ext.fragmentOffset(view, at) + length;
  // What is negative is beyond all bounds as the kernel compares it.
  if (end > MAX_PAYLOAD || end < 0) return at + FRAGMENT_FIELD_AT - l3;
  return ext.hasMore(view, at) && (end & 7) !== 0 ? PAYLOAD_LENGTH_AT : 0;
}

/** Where the next-header field stands that leads to what {@link fragmentHeader} found. */
let nextHeaderField = 0;

/** find_prev_fhdr: the first fragment header, or -1. */
function fragmentHeader({ view, l3, end }: Packet): number {
  let protocol = ipv6.nextHeader(view, l3);
  let at = l3 + ipv6.HEADER_LEN;
  nextHeaderField = l3 + 6;
  while (protocol !== ext.FRAGMENT) {
    if (!ext.isExtension(protocol) || protocol === ext.NONE || at + 2 > end) return -1;
    const length = ext.headerLength(view, at, protocol);
    nextHeaderField = at;
    protocol = ext.nextHeader(view, at);
    at += length;
  }
  return at > end ? -1 : at;
}
