/** Tracking of SCTP associations: net/netfilter/nf_conntrack_proto_sctp.c. @module */
import { geometryPull } from '../net/geometry.ts';
import { PREROUTING } from '../net/hook.ts';
import * as ip from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import * as sctp from '../packet/sctp.ts';
import { swab32 } from '../packet/swab.ts';
import { verifySctp } from './checksum.ts';
import type { Connections } from './connections.ts';
import * as state from './sctp-state.ts';
import { direction, IPCT_PROTOINFO, IPS_ASSURED, IPS_CONFIRMED, ORIGINAL, REPLY } from './status.ts';
import { STATE_BYTES, STATE_WORDS } from './table.ts';
import { INVALID, TRACKED, type Tracker } from './tracker.ts';

/** Bytes of tracker state: INIT seen by direction, the last direction of a heartbeat, flags. Words 0 and 1: the tags. */
const INIT_SEEN = 0;
const LAST_DIR = 2;
const FLAGS = 3;
const HEARTBEAT_VTAG_FAILED = 1;

/** The T bit of ABORT and SHUTDOWN COMPLETE: the tag is the peer's. */
const FLAG_T = 1;

/** Chunks whose tag is judged by itself, as bits by type. */
const OWN_TAG_RULE =
  (1 << sctp.INIT) |
  (1 << sctp.SHUTDOWN_COMPLETE) |
  (1 << sctp.COOKIE_ECHO) |
  (1 << sctp.ABORT) |
  (1 << sctp.SHUTDOWN_ACK) |
  (1 << sctp.HEARTBEAT) |
  (1 << sctp.HEARTBEAT_ACK);
/** Chunks that open nothing (RFC 9260 section 8.4). */
const OUT_OF_THE_BLUE = (1 << sctp.ABORT) | (1 << sctp.SHUTDOWN_COMPLETE) | (1 << sctp.COOKIE_ACK);
/** Chunks that must be alone. */
const ALONE = (1 << sctp.INIT) | (1 << sctp.INIT_ACK) | (1 << sctp.SHUTDOWN_COMPLETE);
const FIRST = (1 << sctp.COOKIE_ACK) | (1 << sctp.COOKIE_ECHO);

const bit = (type: number): number => (type < 32 ? 1 << type : 0);

/** What became of one chunk. */
const NEXT = 0;
const SKIP = 1;
const REFUSE = 2;

/** The state of each association. */
export class SctpTracker implements Tracker {
  private readonly connections: Connections;
  /** Of the packet under way: chunk types seen as bits, its tag, its direction, and whether its timeout counts. */
  private seen = 0;
  private tag = 0;
  private dir = 0;
  private ignore = false;
  private words = 0;
  private bytes = 0;

  constructor(connections: Connections) {
    this.connections = connections;
  }

  packet(pkt: Packet, ct: number, ctInfo: number, dataoff: number, hook: number): number {
    const { connections } = this;
    const { table } = connections;
    if (!this.check(pkt, dataoff, hook) || !this.scan(pkt, dataoff, hook)) return INVALID;
    this.tag = sctp.tag(pkt.view, dataoff) | 0;
    this.dir = direction(ctInfo);
    this.ignore = false;
    if ((table.status[ct]! & IPS_CONFIRMED) === 0) {
      if ((this.seen & OUT_OF_THE_BLUE) !== 0) return INVALID;
      if (!this.begin(pkt, ct, dataoff)) return INVALID;
    }
    this.locate(ct);
    if ((this.seen & OWN_TAG_RULE) === 0 && this.tag !== this.vtag(this.dir)) return this.wrongTag(pkt, hook);
    if (!this.chunks(pkt, ct, dataoff, hook)) return INVALID;
    if (!this.ignore) connections.refresh(ct, ctInfo, pkt, connections.settings.sctp[table.state[ct]!]!);
    return TRACKED;
  }

  /** sctp_error. */
  private check(pkt: Packet, dataoff: number, hook: number): boolean {
    if (pkt.end - dataoff < sctp.HEADER_LEN) return this.invalid(pkt, hook, 'nf_ct_sctp: short packet ');
    if (hook !== PREROUTING || !this.connections.settings.checksum) return true;
    geometryPull(pkt, dataoff, sctp.HEADER_LEN);
    if (verifySctp(pkt, dataoff)) return true;
    return this.invalid(pkt, hook, 'nf_ct_sctp: bad CRC ');
  }

  private invalid(pkt: Packet, hook: number, message: string): false {
    if (this.connections.logs(ip.SCTP)) this.connections.logInvalid(pkt, ip.SCTP, hook, message);
    return false;
  }

  private wrongTag(pkt: Packet, hook: number): number {
    if (this.connections.logs(ip.SCTP)) {
      const tags = `${asRead(this.tag)} vs ${asRead(this.vtag(this.dir))}`;
      this.invalid(pkt, hook, `verification tag check failed ${tags} for dir ${this.dir}`);
    }
    return INVALID;
  }

  private misplaced(pkt: Packet, hook: number, at: number, count: number, alone: boolean): false {
    if (!this.connections.logs(ip.SCTP)) return false;
    const { view: v } = pkt;
    const length = v.getUint16(at + 2, true);
    const chunk = `chunk num ${count}, type ${sctp.chunkType(v, at)}, len ${length} flag ${Number(alone)}`;
    return this.invalid(pkt, hook, `do_basic_checks failed. ${chunk}\\x0a`);
  }

  /** Which chunks there are; false when they may not stand so, or there is none. do_basic_checks. */
  private scan(pkt: Packet, dataoff: number, hook: number): boolean {
    const { view: v, end } = pkt;
    this.seen = 0;
    let count = 0;
    let alone = false;
    for (let at = dataoff + sctp.HEADER_LEN; end - at >= sctp.CHUNK_HEADER_LEN; at = next(v, at)) {
      const kind = bit(sctp.chunkType(v, at));
      if ((kind & ALONE) !== 0) alone = true;
      const second = count !== 0 && (alone || (kind & FIRST) !== 0);
      if (second || sctp.chunkLength(v, at) === 0) return this.misplaced(pkt, hook, at, count, alone);
      this.seen |= kind;
      count++;
    }
    return count !== 0;
  }

  private locate(ct: number): void {
    const slot = this.connections.table.aux[ct]! - 1;
    this.words = slot * STATE_WORDS;
    this.bytes = slot * STATE_BYTES;
  }

  private vtag(dir: number): number {
    return this.connections.table.words[this.words + dir]!;
  }

  private setVtag(dir: number, tag: number): void {
    this.connections.table.words[this.words + dir] = tag;
  }

  /** sctp_new. */
  private begin(pkt: Packet, ct: number, dataoff: number): boolean {
    const { table } = this.connections;
    const { view: v, end } = pkt;
    if (table.aux[ct] === 0) table.aux[ct] = table.takeSlot() + 1;
    this.locate(ct);
    for (let at = dataoff + sctp.HEADER_LEN; end - at >= sctp.CHUNK_HEADER_LEN; at = next(v, at)) {
      const type = sctp.chunkType(v, at);
      const to = state.transition(ORIGINAL, type, state.NONE);
      if (to === state.NONE || to === state.MAX) return false;
      if (type === sctp.INIT) {
        if (this.tag !== 0 || end - at < INIT_LEN) return false;
        this.setVtag(REPLY, initTag(v, at));
      } else if (type === sctp.HEARTBEAT) this.setVtag(ORIGINAL, this.tag);
      else if (type === sctp.SHUTDOWN_ACK) this.setVtag(REPLY, this.tag);
      table.state[ct] = state.NONE;
    }
    return true;
  }

  private chunks(pkt: Packet, ct: number, dataoff: number, hook: number): boolean {
    const { view: v, end } = pkt;
    for (let at = dataoff + sctp.HEADER_LEN; end - at >= sctp.CHUNK_HEADER_LEN; at = next(v, at)) {
      const fate = this.judge(sctp.chunkType(v, at), sctp.chunkFlags(v, at));
      if (fate === REFUSE) return false;
      if (fate === NEXT && !this.move(pkt, at, ct, hook)) return false;
    }
    return true;
  }

  /** Is the tag right for this chunk? RFC 9260 section 8.5.1. */
  private judge(type: number, flags: number): number {
    const { table } = this.connections;
    switch (type) {
      case sctp.INIT:
        return this.tag !== 0 ? REFUSE : NEXT;
      case sctp.ABORT:
      case sctp.SHUTDOWN_COMPLETE:
        return this.tag !== this.vtag((flags & FLAG_T) !== 0 ? 1 - this.dir : this.dir) ? REFUSE : NEXT;
      case sctp.COOKIE_ECHO:
        return this.tag !== this.vtag(this.dir) ? REFUSE : NEXT;
      case sctp.COOKIE_ACK:
        table.stateBytes[this.bytes + INIT_SEEN] = 0;
        table.stateBytes[this.bytes + INIT_SEEN + 1] = 0;
        return NEXT;
      case sctp.HEARTBEAT:
        return this.heartbeat(false);
      case sctp.HEARTBEAT_ACK:
        return this.heartbeat(true);
      default:
        return NEXT;
    }
  }

  /** A heartbeat may come over a path that the association's tags are not known of: its first pair teaches them. */
  private heartbeat(answer: boolean): number {
    const bytes = this.connections.table.stateBytes;
    const { dir, tag } = this;
    if (this.vtag(dir) === 0) this.setVtag(dir, tag);
    else if (tag === this.vtag(dir)) bytes[this.bytes + FLAGS]! &= ~HEARTBEAT_VTAG_FAILED;
    else {
      if ((this.seen & (1 << sctp.DATA)) !== 0 || this.ignore) return REFUSE;
      if (answer) return this.learnTag();
      bytes[this.bytes + FLAGS]! |= HEARTBEAT_VTAG_FAILED;
      bytes[this.bytes + LAST_DIR] = dir;
      this.ignore = true;
      return SKIP;
    }
    return NEXT;
  }

  private learnTag(): number {
    const bytes = this.connections.table.stateBytes;
    const { dir } = this;
    if ((bytes[this.bytes + FLAGS]! & HEARTBEAT_VTAG_FAILED) === 0 || bytes[this.bytes + LAST_DIR] === dir)
      return REFUSE;
    bytes[this.bytes + FLAGS]! &= ~HEARTBEAT_VTAG_FAILED;
    this.setVtag(dir, this.tag);
    this.setVtag(1 - dir, 0);
    return NEXT;
  }

  /** Move the state for one chunk, and note the tag of an INIT or INIT ACK. */
  private move(pkt: Packet, at: number, ct: number, hook: number): boolean {
    const { connections, dir } = this;
    const { table } = connections;
    const { view: v } = pkt;
    const type = sctp.chunkType(v, at);
    const from = table.state[ct]!;
    const to = state.transition(dir, type, from);
    if (to === state.MAX) {
      if (!connections.logs(ip.SCTP)) return false;
      return this.invalid(pkt, hook, `Invalid, old_state ${from}, dir ${dir}, type ${type}`);
    }
    if (type === sctp.INIT || type === sctp.INIT_ACK) {
      if (pkt.end - at < INIT_LEN) return false;
      if (type === sctp.INIT) this.noteInit(v, at, ct, from, to);
      else if (!this.noteInitAck(v, at)) return false;
    }
    table.state[ct] = to;
    if (from !== to) {
      connections.event(ct, IPCT_PROTOINFO);
      if (to === state.ESTABLISHED && (table.status[ct]! & IPS_ASSURED) === 0) connections.assure(ct);
    }
    return true;
  }

  private noteInit(v: DataView, at: number, ct: number, from: number, to: number): void {
    const { table } = this.connections;
    const bytes = table.stateBytes;
    const seen = this.bytes + INIT_SEEN;
    const { dir } = this;
    // One with the tag that is known already is stale or repeated, and opens no collision.
    if (from === state.NONE || this.vtag(1 - dir) !== initTag(v, at)) {
      if (bytes[seen + dir] !== 0) bytes[seen + 1 - dir] = 0;
      bytes[seen + dir] = 1;
    }
    this.setVtag(1 - dir, initTag(v, at));
    // A repeated INIT does not keep an entry alive.
    if (to === state.CLOSED && from === state.CLOSED && (table.status[ct]! & IPS_CONFIRMED) !== 0) this.ignore = true;
  }

  /** False when the answer does not fit the INITs seen, as in a collision of two. */
  private noteInitAck(v: DataView, at: number): boolean {
    const bytes = this.connections.table.stateBytes;
    const seen = this.bytes + INIT_SEEN;
    const { dir } = this;
    const tag = initTag(v, at);
    const known = this.vtag(1 - dir);
    const other = bytes[seen + 1 - dir] !== 0;
    if (!other && known !== 0 && known !== tag) return false;
    if (bytes[seen + dir] !== 0 && other && known !== tag) return false;
    this.setVtag(1 - dir, tag);
    return true;
  }
}

/** Chunk header and the fixed part of an INIT. */
const INIT_LEN = 20;

const initTag = (v: DataView, at: number): number => v.getInt32(at + sctp.CHUNK_HEADER_LEN);

const next = (v: DataView, at: number): number => at + ((sctp.chunkLength(v, at) + 3) & ~3);

/** A tag as the kernel's log shows it: the bytes of the packet read on a little-endian machine. */
const asRead = (tag: number): string => (swab32(tag) >>> 0).toString(16);
