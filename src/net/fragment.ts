/**
 * Reassembly: fragments wait in queues until their datagram is whole, or time is up. net/ipv4/ip_fragment.c,
 * inet_fragment.c. @module
 */
import { EXC_FRAGTIME, TIME_EXCEEDED } from '../packet/icmp.ts';
import * as ipv4 from '../packet/ipv4.ts';
import { FLAG_DEFRAG, FLAG_FRAG_PMTU, type Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import { SECOND, type Task } from '../sim/clock.ts';
import { FragmentQueue, IPFRAG_DUP, IPFRAG_OVERLAP } from './fragment-queue.ts';
import { FragmentTable } from './fragment-table.ts';
import { geometryBegin, geometryBytes, geometryMark } from './geometry.ts';
import type { Netns } from './netns.ts';
import { routeByHeader } from './route-input.ts';
import { RTN_LOCAL } from './rtn.ts';
import { truesize } from './truesize.ts';

/** Who reassembles: enum ip_defrag_users. Conntrack adds its zone to its own. */
export const IP_DEFRAG_LOCAL_DELIVER = 0;
export const IP_DEFRAG_CONNTRACK_IN = 2;
const IP_DEFRAG_CONNTRACK_IN_END = IP_DEFRAG_CONNTRACK_IN + 0xffff;
export const IP_DEFRAG_CONNTRACK_OUT: number = IP_DEFRAG_CONNTRACK_IN_END + 1;
export const IP_DEFRAG_CONNTRACK_BRIDGE_IN: number = IP_DEFRAG_CONNTRACK_OUT + 0xffff + 1;
const IP_DEFRAG_CONNTRACK_BRIDGE_IN_END = IP_DEFRAG_CONNTRACK_BRIDGE_IN + 0xffff;

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const DUP_FRAG = reason('DUP_FRAG');
const FRAG_REASM_TIMEOUT = reason('FRAG_REASM_TIMEOUT');
const FRAG_TOO_FAR = reason('FRAG_TOO_FAR');
const NOMEM = reason('NOMEM');
const PKT_TOO_BIG = reason('PKT_TOO_BIG');

/** Kinds of ECN field that a datagram's fragments had, one bit each, by ip4_frag_ecn. */
const ECN_NOT_ECT = 1;
const ECN_CE = 8;
const MAX_DATAGRAM = 0xffff;
/** Behind a reassembled packet, for targets that make it longer (TCPMSS). */
const SLACK = 64;

/** What kept of the queue's mind: frag_expire_skip_icmp. */
const isConntrack = (user: number): boolean =>
  (user >= IP_DEFRAG_CONNTRACK_IN && user <= IP_DEFRAG_CONNTRACK_IN_END) ||
  (user >= IP_DEFRAG_CONNTRACK_BRIDGE_IN && user <= IP_DEFRAG_CONNTRACK_BRIDGE_IN_END);

/** A queue, and what its fragments have in common: struct frag_v4_compare_key. */
class Queue4 extends FragmentQueue {
  private readonly src: number;
  private readonly dst: number;
  /** id << 8 | protocol. */
  private readonly name: number;

  constructor(key: number, number: number, user: number, src: number, dst: number, name: number) {
    super(key, number, user);
    this.src = src;
    this.dst = dst;
    this.name = name;
  }

  /** Does a fragment with these belong here? */
  is(src: number, dst: number, name: number, user: number): boolean {
    return this.src === src && this.dst === dst && this.name === name && this.user === user;
  }
}

/** The fragment queues of one namespace. */
export class Defragmenter {
  private readonly ns: Netns;
  private readonly queues = new FragmentTable<Queue4>();
  /** Bytes of packets that wait (truesize). */
  private memory = 0;
  private highThresh = 0;
  private timeout = 0;
  private maxDistance = 0;
  private readonly expire: Task = { run: (number) => this.onTimeout(number) };

  constructor(ns: Netns) {
    this.ns = ns;
    ns.sysctl.watch('net.ipv4.ipfrag_high_thresh', 4 * 2 ** 20, (value) => {
      this.highThresh = value;
    });
    ns.sysctl.define('net.ipv4.ipfrag_low_thresh', 3 * 2 ** 20);
    ns.sysctl.watch('net.ipv4.ipfrag_time', 30, (value) => {
      this.timeout = value * SECOND;
    });
    ns.sysctl.watch('net.ipv4.ipfrag_max_dist', 64, (value) => {
      this.maxDistance = value;
    });
  }

  /** Queues that wait for more. */
  get size(): number {
    return this.queues.size;
  }

  /**
   * ip_defrag: put a fragment to its siblings.
   * @returns false when it waits (or was dropped); true when `pkt` is now the whole datagram
   */
  add(pkt: Packet, user: number): boolean {
    const queue = this.queueFor(pkt, user);
    if (queue === null) {
      this.ns.drop(pkt, NOMEM);
      return false;
    }
    return this.insert(queue, pkt);
  }

  /** ip_find. A new queue is refused when fragments have all the memory that they may. */
  private queueFor({ view, l3 }: Packet, user: number): Queue4 | null {
    const src = ipv4.src(view, l3);
    const dst = ipv4.dst(view, l3);
    const name = (ipv4.id(view, l3) << 8) | ipv4.protocol(view, l3);
    const key = Math.imul(src ^ Math.imul(dst, 0x85ebca6b), 0x9e3779b1) ^ name ^ (user << 8);
    let queue = this.queues.first(key);
    while (queue !== null && !queue.is(src, dst, name, user)) queue = queue.next;
    if (queue !== null) return queue;
    if (this.highThresh === 0 || this.memory > this.highThresh) return null;
    queue = new Queue4(key, this.queues.number(), user, src, dst, name);
    this.queues.add(queue);
    queue.timer = this.ns.timers.after(this.timeout, this.expire, queue.number);
    return queue;
  }

  /** ip_frag_queue. */
  private insert(queue: Queue4, pkt: Packet): boolean {
    if (this.isTooFar(queue, pkt)) this.restart(queue);
    const { view, l3 } = pkt;
    const field = ipv4.fragment(view, l3);
    const offset = (field & ipv4.OFFSET_MASK) << 3;
    const hlen = ipv4.headerLength(view, l3);
    let end = offset + pkt.end - l3 - hlen;
    if ((field & ipv4.MF) === 0) {
      if (end < queue.length || (queue.lastIn && end !== queue.length)) return this.discard(queue, pkt, NOT_SPECIFIED);
      queue.lastIn = true;
      queue.length = end;
    } else {
      // Only the last fragment may have a length that is no multiple of eight.
      end &= ~7;
      if (end > queue.length) {
        if (queue.lastIn) return this.discard(queue, pkt, NOT_SPECIFIED);
        queue.length = end;
      }
    }
    if (end === offset) return this.discard(queue, pkt, NOT_SPECIFIED);
    pkt.end = l3 + hlen + end - offset;
    const place = queue.insert(pkt, offset, end);
    if (place === IPFRAG_DUP) {
      this.ns.drop(pkt, DUP_FRAG);
      return false;
    }
    if (place === IPFRAG_OVERLAP) return this.discard(queue, pkt, NOT_SPECIFIED);
    const df = (field & ipv4.DF) !== 0;
    queue.note(pkt.iif, pkt.end - l3, hlen, ipv4.tos(view, l3) & 3, offset === 0, df);
    this.memory += truesize(pkt);
    if (!queue.firstIn || !queue.lastIn || queue.meat !== queue.length) return false;
    return this.reassemble(queue, pkt);
  }

  /** ip_frag_too_far: so many fragments of the source came since the last of this queue that its id must be in use again. */
  private isTooFar(queue: Queue4, { view, l3 }: Packet): boolean {
    if (this.maxDistance === 0) return false;
    const start = queue.sequence;
    const end = this.ns.peers.countFragment(ipv4.src(view, l3));
    queue.sequence = end;
    return queue.fragments.length > 0 && end - start > this.maxDistance;
  }

  /** ip_frag_reinit. */
  private restart(queue: Queue4): void {
    const { timers } = this.ns;
    timers.cancel(queue.timer);
    queue.timer = timers.after(this.timeout, this.expire, queue.number);
    this.dropAll(queue, FRAG_TOO_FAR);
    queue.reset();
  }

  /** The queue is hopeless: all of it goes, and this fragment. */
  private discard(queue: Queue4, pkt: Packet, why: number): false {
    this.kill(queue);
    this.dropAll(queue, why);
    this.ns.drop(pkt, why);
    return false;
  }

  private kill(queue: Queue4): void {
    this.ns.timers.cancel(queue.timer);
    this.queues.delete(queue);
  }

  private dropAll(queue: Queue4, why: number): void {
    for (const pkt of queue.fragments) {
      this.memory -= truesize(pkt);
      this.ns.drop(pkt, why);
    }
    queue.fragments.length = 0;
  }

  /** ip_frag_reasm: the last fragment's Packet becomes the datagram. */
  private reassemble(queue: Queue4, pkt: Packet): boolean {
    this.kill(queue);
    const first = queue.fragments[0]!;
    const hlen = ipv4.headerLength(first.view, first.l3);
    const length = hlen + queue.length;
    const ecn = mergedEcn(queue.ecn);
    const whole = ecn < 0 || length > MAX_DATAGRAM ? null : this.ns.pool.take(slotLength(length));
    if (whole === null) {
      this.giveUp(queue, pkt, ecn < 0 ? NOT_SPECIFIED : length > MAX_DATAGRAM ? PKT_TOO_BIG : NOMEM);
      return false;
    }
    whole.resize(length);
    this.gather(queue, whole, hlen);
    const { view, data } = whole;
    ipv4.setTotalLength(view, data, length);
    view.setUint8(data + 1, ipv4.tos(view, data) | ecn);
    ipv4.setFragment(view, data, hasDf(queue) ? ipv4.DF : 0);
    ipv4.fillChecksum(view, data);
    this.become(queue, pkt, whole);
    return true;
  }

  private giveUp(queue: Queue4, last: Packet, why: number): void {
    queue.fragments.splice(queue.fragments.indexOf(last), 1);
    this.memory -= truesize(last);
    this.dropAll(queue, why);
    this.ns.drop(last, why);
  }

  /** The first fragment's header, everybody's data, and (for who forwards) where each began. */
  private gather(queue: Queue4, whole: Packet, hlen: number): void {
    const { fragments, offsets } = queue;
    const first = fragments[0]!;
    // With the link header in front, which a bridge goes on with.
    const link = first.l2 < 0 ? 0 : first.l3 - first.l2;
    whole.copyBytes(first, first.l3 - link, first.l3 + hlen, whole.data - link);
    whole.l2 = first.l2 < 0 ? -1 : whole.data - link;
    let plain = queue.user !== IP_DEFRAG_LOCAL_DELIVER;
    fragments.forEach((pkt, i) => {
      const own = ipv4.headerLength(pkt.view, pkt.l3);
      whole.copyBytes(pkt, pkt.l3 + own, pkt.end, whole.data + hlen + offsets[i]!);
      // The kernel reuses a fragment's buffer only if the first one's header fits in front of it.
      if (own < hlen) plain = false;
    });
    if (!plain) return;
    geometryBegin(whole, queue.length);
    for (const offset of offsets) geometryMark(whole, offset);
  }

  /** Put the datagram's bytes under the Packet of the last fragment, and free the others. */
  private become(queue: Queue4, pkt: Packet, whole: Packet): void {
    const { fragments } = queue;
    const first = fragments[0]!;
    for (const fragment of fragments) this.memory -= truesize(fragment);
    const { fragments: geometry } = whole;
    whole.l3 = whole.data;
    whole.l4 = whole.data + ipv4.headerLength(whole.view, whole.data);
    const { mark, priority, pktType, options, optionFlags, flags } = first;
    pkt.exchange(whole);
    pkt.fragments = geometry;
    pkt.mark = mark;
    pkt.priority = priority;
    pkt.pktType = pktType;
    pkt.options = options;
    pkt.optionFlags = optionFlags;
    pkt.flags =
      flags | (queue.user === IP_DEFRAG_LOCAL_DELIVER ? 0 : FLAG_DEFRAG) | (hasDf(queue) ? FLAG_FRAG_PMTU : 0);
    pkt.fragMax = Math.max(queue.maxDfSize, queue.maxSize);
    whole.fragments = -1;
    this.ns.pool.release(whole);
    for (const fragment of fragments) if (fragment !== pkt) this.ns.pool.release(fragment);
    fragments.length = 0;
  }

  /** ip_expire: only who the datagram was for says so, and only if it knows the datagram's beginning. */
  private onTimeout(number: number): void {
    const queue = this.queues.withNumber(number);
    const { ns } = this;
    this.kill(queue);
    const [head] = queue.fragments;
    if (queue.firstIn && head !== undefined) {
      const dev = ns.devices[queue.iif]!;
      head.data = head.l3;
      const routed = routeByHeader(ns.ip.input, head, dev) === 0;
      if (routed && (!isConntrack(queue.user) || head.routeType === RTN_LOCAL)) {
        ns.icmp.send(head, TIME_EXCEEDED, EXC_FRAGTIME, 0);
      }
    }
    this.dropAll(queue, FRAG_REASM_TIMEOUT);
  }
}

/** ip_frag_ecn_table: what to OR into the TOS, or -1 when the fragments contradict each other. */
export function mergedEcn(seen: number): number {
  if ((seen & ECN_NOT_ECT) !== 0) return seen === ECN_NOT_ECT ? 0 : -1;
  return (seen & ECN_CE) !== 0 && seen !== ECN_CE ? 3 : 0;
}

/** Had its largest fragment DF? */
const hasDf = ({ maxDfSize, maxSize }: Queue4): boolean => maxDfSize === maxSize;

const slotLength = (length: number): number => length + geometryBytes(length) + SLACK;
