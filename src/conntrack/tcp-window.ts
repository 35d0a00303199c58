/**
 * Is a TCP segment one that the other side can accept? tcp_in_window, net/netfilter/nf_conntrack_proto_tcp.c, after "Real
 * Stateful TCP Packet Filtering in IP Filter" (van Rooij, 2000).
 *
 * We stand between the two and know, of each side: `end`, the highest sequence number it sent; `maxend`, the highest that the
 * other side lets it send; `maxwin`, the largest window it offered; `maxack`, the highest number it acknowledged. A segment
 * is in the window when (I) it does not begin after maxend, (II) does not end before the part that the receiver may still
 * miss, (III) acknowledges nothing that was not sent, (IV) nothing too old. @module
 */
import * as tcp from '../packet/tcp.ts';
import { ACK, RST, SYN } from '../packet/tcp.ts';
import { REPLY } from './status.ts';
import { type ConntrackTable, STATE_BYTES, STATE_WORDS } from './table.ts';
import { ACK_SET, SYN_RECV, SYN_SENT } from './tcp-state.ts';

/** Words of tracker state: four of each direction, then what the last segment had. */
export const END = 0;
export const MAXEND = 1;
export const MAXWIN = 2;
export const MAXACK = 3;
const SIDE = 4;
export const LAST_SEQ = 8;
export const LAST_ACKED = 9;
export const LAST_END = 10;
export const LAST_WIN = 11;

/** Bytes: flags and scale by direction, then what the last segment had. */
export const SIDE_FLAGS = 0;
export const SCALE = 2;
export const LAST_DIR = 4;
export const LAST_INDEX = 5;
export const LAST_WSCALE = 6;
export const LAST_FLAGS = 7;
export const RETRANS = 8;
/** The last segment was let through unchecked. */
export const IGNORED = 9;

/** Flags of a side, and of the last segment: IP_CT_TCP_FLAG_*. */
export const FLAG_WINDOW_SCALE = 0x01;
export const FLAG_SACK_PERM = 0x02;
export const FLAG_CLOSE_INIT = 0x04;
export const FLAG_BE_LIBERAL = 0x08;
export const FLAG_DATA_UNACKNOWLEDGED = 0x10;
export const FLAG_MAXACK_SET = 0x20;
export const EXP_CHALLENGE_ACK = 0x40;
export const SIMULTANEOUS_OPEN = 0x80;

/** What is said of a segment: enum nf_ct_tcp_action. */
export const WINDOW_ACCEPT = 0;
export const WINDOW_IGNORE = 1;
export const WINDOW_INVALID = 2;

/** Why it was not accepted; {@link TcpWindow.bound} has the number that belongs to it. */
export const FAULT_OVERSHOT = 0;
export const FAULT_SEQ_OVER = 1;
export const FAULT_ACK_OVER = 2;
export const FAULT_SEQ_UNDER = 3;
export const FAULT_ACK_UNDER = 4;

const MAX_WSCALE = 14;
const MAXACKWINCONST = 66_000;

const OPT_EOL = 0;
const OPT_NOP = 1;
const OPT_WINDOW = 3;
const OPT_SACK_PERM = 4;
const OPT_SACK = 5;

/** Sequence numbers wrap: a is before (after) b. */
export const before = (a: number, b: number): boolean => ((a - b) | 0) < 0;
export const after = (a: number, b: number): boolean => ((b - a) | 0) < 0;

/** One segment and the connection it belongs to. One object, filled again for every segment. */
export class TcpWindow {
  private readonly table: ConntrackTable;
  seq = 0;
  ack = 0;
  /** Sequence number after its last byte; SYN and FIN count as one. */
  end = 0;
  /** As it stands in the header. */
  win = 0;
  flags = 0;
  /** Of {@link readOptions}. */
  hasOptions = false;
  optionFlags = 0;
  optionScale = 0;
  /** Why the last segment was not accepted, and the bound that it broke. */
  fault = 0;
  bound = 0;
  private sack = 0;
  private at = 0;
  private words = 0;
  private bytes = 0;

  constructor(table: ConntrackTable) {
    this.table = table;
  }

  /** Read the header at `at` of a packet that ends at `end`. */
  read(v: DataView, at: number, end: number): void {
    this.at = at;
    this.seq = tcp.seq(v, at) | 0;
    this.ack = tcp.ack(v, at) | 0;
    this.win = tcp.window(v, at);
    this.flags = tcp.flags(v, at);
    const data = end - at - tcp.headerLength(v, at);
    const controls = ((this.flags & SYN) !== 0 ? 1 : 0) + ((this.flags & tcp.FIN) !== 0 ? 1 : 0);
    this.end = (this.seq + data + controls) | 0;
  }

  /** Point at a connection's tracker state. */
  locate(slot: number): void {
    this.words = slot * STATE_WORDS;
    this.bytes = slot * STATE_BYTES;
  }

  /** A word of one side (END ...), or of the last segment with side 0 (LAST_SEQ ...). */
  word(name: number, side = 0): number {
    return this.table.words[this.words + side * SIDE + name]!;
  }

  setWord(name: number, side: number, value: number): void {
    this.table.words[this.words + side * SIDE + name] = value;
  }

  byte(name: number, side = 0): number {
    return this.table.stateBytes[this.bytes + side + name]!;
  }

  setByte(name: number, side: number, value: number): void {
    this.table.stateBytes[this.bytes + side + name] = value;
  }

  addFlags(side: number, flags: number): void {
    this.table.stateBytes[this.bytes + SIDE_FLAGS + side]! |= flags;
  }

  clearFlags(side: number, flags: number): void {
    this.table.stateBytes[this.bytes + SIDE_FLAGS + side]! &= ~flags;
  }

  private maxwin(side: number): number {
    return this.word(MAXWIN, side) >>> 0;
  }

  /** Window scale and SACK permission out of the options. tcp_options. */
  readOptions(v: DataView): void {
    const begin = this.at + tcp.HEADER_LEN;
    const end = this.at + tcp.headerLength(v, this.at);
    this.hasOptions = end > begin;
    this.optionFlags = 0;
    this.optionScale = 0;
    for (let at = findOption(v, begin, end); at < end; at = findOption(v, at + v.getUint8(at + 1), end)) {
      const kind = v.getUint8(at);
      const length = v.getUint8(at + 1);
      if (kind === OPT_SACK_PERM && length === 2) this.optionFlags |= FLAG_SACK_PERM;
      else if (kind === OPT_WINDOW && length === 3) {
        this.optionScale = Math.min(v.getUint8(at + 2), MAX_WSCALE);
        this.optionFlags |= FLAG_WINDOW_SCALE;
      }
    }
  }

  /** Take the options over for a side; a segment without any changes nothing. */
  applyOptions(v: DataView, side: number): void {
    this.readOptions(v);
    if (!this.hasOptions) return;
    this.setByte(SCALE, side, this.optionScale);
    this.setByte(SIDE_FLAGS, side, (this.byte(SIDE_FLAGS, side) & FLAG_BE_LIBERAL) | this.optionFlags);
  }

  /** The highest edge of the SACK blocks, when above the acknowledgment. tcp_sack. */
  private readSack(v: DataView): void {
    const begin = this.at + tcp.HEADER_LEN;
    const end = this.at + tcp.headerLength(v, this.at);
    for (let at = findOption(v, begin, end); at < end; at = findOption(v, at + v.getUint8(at + 1), end)) {
      const kind = v.getUint8(at);
      const length = v.getUint8(at + 1);
      if (kind === OPT_SACK && length >= 10 && (length - 2) % 8 === 0) {
        for (let i = at + 2; i < at + length; i += 8) {
          const edge = v.getInt32(i + 4);
          if (after(edge, this.sack)) this.sack = edge;
        }
        return;
      }
    }
  }

  /** First segment of a connection: what is known of its sender, without or in the middle of one. tcp_new. */
  begin(v: DataView, isSyn: boolean): void {
    const win = this.win === 0 ? 1 : this.win;
    this.setWord(END, 0, this.end);
    this.setWord(MAXWIN, 0, win);
    this.setWord(MAXEND, 0, isSyn ? this.end : (this.end + win) | 0);
    if (isSyn) this.applyOptions(v, 0);
    else {
      this.setByte(SIDE_FLAGS, 0, FLAG_SACK_PERM | FLAG_BE_LIBERAL);
      this.setByte(SIDE_FLAGS, 1, FLAG_SACK_PERM | FLAG_BE_LIBERAL);
    }
  }

  /** A SYN of a side that was not heard yet, or that starts over. tcp_init_sender. */
  private initSender(v: DataView, sender: number): void {
    this.setWord(END, sender, this.end);
    this.setWord(MAXEND, sender, this.end);
    this.setWord(MAXWIN, sender, this.win === 0 ? 1 : this.win);
    this.applyOptions(v, sender);
    const both = this.byte(SIDE_FLAGS, 0) & this.byte(SIDE_FLAGS, 1) & FLAG_WINDOW_SCALE;
    if (sender === REPLY && both === 0) {
      this.setByte(SCALE, 0, 0);
      this.setByte(SCALE, 1, 0);
    }
  }

  /** A side that is first heard in the middle of a connection. */
  private pickUp(sender: number): void {
    const receiver = 1 - sender;
    const win = (this.win << this.byte(SCALE, sender)) >>> 0;
    this.setWord(END, sender, this.end);
    this.setWord(MAXWIN, sender, win === 0 ? 1 : win);
    this.setWord(MAXEND, sender, (this.end + (win === 0 ? 1 : win)) | 0);
    if (this.maxwin(receiver) === 0) {
      this.setWord(END, receiver, this.sack);
      this.setWord(MAXEND, receiver, this.sack);
    } else if (this.sack === ((this.word(END, receiver) + 1) | 0)) {
      this.setWord(END, receiver, this.sack);
    }
  }

  /**
   * Judge the segment, sent by side `dir` of a connection in `state`, and learn from it. `index` is what it is (tcp-state.ts).
   * Runs per packet: no allocation.
   */
  judge(v: DataView, dir: number, index: number, state: number): number {
    const receiver = 1 - dir;
    this.sack = this.ack;
    if ((this.byte(SIDE_FLAGS, receiver) & FLAG_SACK_PERM) !== 0) this.readSack(v);
    if (this.isFirst(v, dir, state)) return WINDOW_ACCEPT;
    const { flags } = this;
    let { seq, end, ack } = this;
    if ((flags & ACK) === 0 || ((flags & RST) !== 0 && ack === 0)) ack = this.sack = this.word(END, receiver);
    // An RST that answers a SYN.
    if ((flags & RST) !== 0 && seq === 0 && state === SYN_SENT) seq = end = this.word(END, dir);
    const verdict = this.check(dir, seq, end);
    if (verdict !== WINDOW_ACCEPT) return verdict;
    this.learn(dir, ack, end);
    if (index === ACK_SET) this.countRetransmission(dir, seq, ack, end);
    return WINDOW_ACCEPT;
  }

  /** Set up a side that is heard for the first time, or again with a new SYN; true when nothing is left to judge. */
  private isFirst(v: DataView, dir: number, state: number): boolean {
    const syn = (this.flags & SYN) !== 0;
    const simultaneous = syn && (this.flags & ACK) === 0;
    if (this.maxwin(dir) === 0) {
      if (syn) this.initSender(v, dir);
      else this.pickUp(dir);
      return simultaneous;
    }
    const restart = syn && after(this.end, this.word(END, dir)) && (state === SYN_SENT || state === SYN_RECV);
    if (restart) this.initSender(v, dir);
    return restart && simultaneous && dir === REPLY;
  }

  private check(dir: number, seq: number, end: number): number {
    const receiver = 1 - dir;
    const { sack } = this;
    const sentEnd = this.word(END, dir);
    const heardEnd = this.word(END, receiver);
    const window = this.maxwin(receiver);
    const oldest = heardEnd - Math.max(this.maxwin(dir), MAXACKWINCONST) - 1;
    const maxend = this.word(MAXEND, dir);
    const ackSeen = before(sack, heardEnd + 1);
    if (!before(seq, maxend + 1)) {
      const overshot = (end - maxend + 1) >>> 0;
      const inWindow = window !== 0 && after(end, sentEnd - window - 1);
      if (!inWindow || !after(sack, oldest) || overshot > window || !ackSeen) {
        return this.refuse(WINDOW_INVALID, FAULT_SEQ_OVER, maxend + 1);
      }
      // More than the receiver allowed, and it may take it nevertheless: its acknowledgment shall not be a surprise.
      this.setWord(END, dir, end);
      this.addFlags(dir, FLAG_DATA_UNACKNOWLEDGED);
      return this.refuse(WINDOW_IGNORE, FAULT_OVERSHOT, overshot);
    }
    if (!ackSeen) return this.refuse(WINDOW_INVALID, FAULT_ACK_OVER, heardEnd + 1);
    if (window !== 0 && !after(end, sentEnd - window - 1)) {
      return this.refuse(WINDOW_IGNORE, FAULT_SEQ_UNDER, sentEnd - window - 1);
    }
    return after(sack, oldest) ? WINDOW_ACCEPT : this.refuse(WINDOW_IGNORE, FAULT_ACK_UNDER, oldest);
  }

  private refuse(verdict: number, fault: number, bound: number): number {
    this.fault = fault;
    this.bound = bound >>> 0;
    return verdict;
  }

  private learn(dir: number, ack: number, end: number): void {
    const receiver = 1 - dir;
    const { sack } = this;
    const win = (this.flags & SYN) !== 0 ? this.win : (this.win << this.byte(SCALE, dir)) >>> 0;
    const offered = (win + (sack - ack)) >>> 0;
    if (this.maxwin(dir) < offered) this.setWord(MAXWIN, dir, offered);
    if (after(end, this.word(END, dir))) {
      this.setWord(END, dir, end);
      this.addFlags(dir, FLAG_DATA_UNACKNOWLEDGED);
    }
    if ((this.flags & ACK) !== 0) this.learnAck(dir, ack);
    const maxend = this.word(MAXEND, dir);
    if (this.maxwin(receiver) !== 0 && after(end, maxend)) {
      this.setWord(MAXWIN, receiver, this.maxwin(receiver) + ((end - maxend) >>> 0));
    }
    if (after(sack + win, this.word(MAXEND, receiver) - 1)) {
      this.setWord(MAXEND, receiver, (sack + win + (win === 0 ? 1 : 0)) | 0);
    }
    if (ack === this.word(END, receiver)) this.clearFlags(receiver, FLAG_DATA_UNACKNOWLEDGED);
  }

  private learnAck(dir: number, ack: number): void {
    const known = (this.byte(SIDE_FLAGS, dir) & FLAG_MAXACK_SET) !== 0;
    if (known && !after(ack, this.word(MAXACK, dir))) return;
    this.setWord(MAXACK, dir, ack);
    this.addFlags(dir, FLAG_MAXACK_SET);
  }

  private countRetransmission(dir: number, seq: number, ack: number, end: number): void {
    const again =
      this.byte(LAST_DIR) === dir &&
      this.word(LAST_SEQ) === seq &&
      this.word(LAST_ACKED) === ack &&
      this.word(LAST_END) === end &&
      this.word(LAST_WIN) === this.win;
    if (again) {
      this.setByte(RETRANS, 0, this.byte(RETRANS) + 1);
      return;
    }
    this.setByte(LAST_DIR, 0, dir);
    this.setWord(LAST_SEQ, 0, seq);
    this.setWord(LAST_ACKED, 0, ack);
    this.setWord(LAST_END, 0, end);
    this.setWord(LAST_WIN, 0, this.win);
    this.setByte(RETRANS, 0, 0);
  }
}

/** The first option from `from` on that is longer than a byte; `end` when there is none, or one of a silly length. */
function findOption(v: DataView, from: number, end: number): number {
  let at = from;
  while (at < end && v.getUint8(at) === OPT_NOP) at++;
  if (end - at < 2 || v.getUint8(at) === OPT_EOL) return end;
  const length = v.getUint8(at + 1);
  return length < 2 || length > end - at ? end : at;
}
