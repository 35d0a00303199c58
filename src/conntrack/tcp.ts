/** Tracking of TCP connections: net/netfilter/nf_conntrack_proto_tcp.c. @module */
import { PREROUTING } from '../net/hook.ts';
import * as ip from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import * as tcp from '../packet/tcp.ts';
import { ACK, CWR, ECE, FIN, PSH, RST, SYN, URG } from '../packet/tcp.ts';
import { SECOND } from '../sim/clock.ts';
import { verify } from './checksum.ts';
import type { Connections } from './connections.ts';
import { TCP_RETRANS, TCP_UNACK } from './settings.ts';
import {
  direction,
  IPCT_PROTOINFO,
  IPS_ASSURED,
  IPS_CONFIRMED,
  IPS_FIXED_TIMEOUT,
  IPS_SEEN_REPLY,
  ORIGINAL,
  REPLY,
} from './status.ts';
import * as state from './tcp-state.ts';
import * as w from './tcp-window.ts';
import { DROP, INVALID, REPEAT, TRACKED, type Tracker } from './tracker.ts';

/** PSH, ECE and CWR may stand with anything. */
const FREE_FLAGS = ~(ECE | CWR | PSH) & 0xff;
const VALID_FLAGS = new Uint8Array(64);
for (const flags of [SYN, SYN | URG, SYN | ACK, RST, RST | ACK, FIN | ACK, FIN | ACK | URG, ACK, ACK | URG]) {
  VALID_FLAGS[flags] = 1;
}

/** What the special cases of a transition decide. */
const CHECK_WINDOW = 0;
const IN_WINDOW = 1;
const DONE = 2;

/** The state of each connection, and its windows. */
export class TcpTracker implements Tracker {
  private readonly connections: Connections;
  private readonly window: w.TcpWindow;
  /** Of the segment under way. */
  private dir = 0;
  private index = 0;
  private old = 0;
  private now = 0;
  private verdict = TRACKED;

  constructor(connections: Connections) {
    this.connections = connections;
    this.window = new w.TcpWindow(connections.table);
  }

  packet(pkt: Packet, ct: number, ctInfo: number, dataoff: number, hook: number): number {
    const { connections, window } = this;
    const { table } = connections;
    const why = this.fault(pkt, table.family[ct]!, dataoff, hook);
    if (why !== '') return this.invalid(pkt, hook, why);
    window.read(pkt.view, dataoff, pkt.end);
    this.index = state.index(window.flags);
    if ((table.status[ct]! & IPS_CONFIRMED) === 0 && !this.begin(pkt, ct, hook)) return INVALID;
    window.locate(table.aux[ct]! - 1);
    this.dir = direction(ctInfo);
    this.old = table.state[ct]!;
    this.now = state.transition(this.dir, this.index, this.old);
    const next = this.special(pkt, ct, hook);
    if (next === DONE) return this.verdict;
    if (next === CHECK_WINDOW && !this.isInWindow(pkt, ct, hook)) return this.verdict;
    return this.accept(pkt, ct, ctInfo);
  }

  /** What is wrong with a segment whatever its connection, or ''. tcp_error. */
  private fault(pkt: Packet, family: number, dataoff: number, hook: number): string {
    const { view: v } = pkt;
    const length = pkt.end - dataoff;
    // The kernel says nothing of a segment without a whole header.
    if (length < tcp.HEADER_LEN) return SILENT;
    const header = tcp.headerLength(v, dataoff);
    if (header < tcp.HEADER_LEN || length < header) return 'truncated packet';
    const checked = hook === PREROUTING && this.connections.settings.checksum;
    if (checked && !verify(pkt, family, dataoff, ip.TCP)) return 'bad checksum';
    return VALID_FLAGS[tcp.flags(v, dataoff) & FREE_FLAGS] === 0 ? 'invalid tcp flag combination' : '';
  }

  private invalid(pkt: Packet, hook: number, message: string): number {
    if (message !== SILENT && this.connections.logs(ip.TCP)) this.connections.logInvalid(pkt, ip.TCP, hook, message);
    return INVALID;
  }

  /** The first segment of a connection. tcp_new. */
  private begin(pkt: Packet, ct: number, hook: number): boolean {
    const { connections, window } = this;
    const { table } = connections;
    const to = state.transition(ORIGINAL, this.index, state.NONE);
    if (to >= state.INVALID) {
      this.invalid(pkt, hook, 'invalid new');
      return false;
    }
    if (to !== state.SYN_SENT && !connections.settings.loose) return false;
    if (table.aux[ct] === 0) table.aux[ct] = table.takeSlot() + 1;
    window.locate(table.aux[ct]! - 1);
    window.begin(pkt.view, to === state.SYN_SENT);
    window.setByte(w.LAST_INDEX, 0, state.NONE_SET);
    return true;
  }

  /** The cases that the table of transitions does not know, before the window is looked at. */
  private special(pkt: Packet, ct: number, hook: number): number {
    switch (this.now) {
      case state.SYN_SENT:
        return this.old < state.TIME_WAIT ? CHECK_WINDOW : this.reopen(pkt, ct, hook);
      case state.IGNORE:
        return this.ignore(pkt, hook);
      case state.INVALID:
        return this.done(this.invalid(pkt, hook, this.describe('invalid')));
      case state.TIME_WAIT:
        return this.isChallengeAck() ? this.challenged(pkt, hook) : CHECK_WINDOW;
      case state.SYN_SENT2:
        this.window.setByte(w.LAST_FLAGS, 0, this.window.byte(w.LAST_FLAGS) | w.SIMULTANEOUS_OPEN);
        return CHECK_WINDOW;
      case state.SYN_RECV:
        this.completeSimultaneousOpen();
        return CHECK_WINDOW;
      case state.CLOSE:
        return this.index === state.RST_SET ? this.reset(pkt, ct, hook) : CHECK_WINDOW;
      default:
        return CHECK_WINDOW;
    }
  }

  private done(verdict: number): number {
    this.verdict = verdict;
    return DONE;
  }

  private describe(what: string): string {
    if (!this.connections.logs(ip.TCP)) return SILENT;
    return `packet (index ${this.index}) in dir ${this.dir} ${what}, state ${state.NAMES[this.old]}`;
  }

  /** A SYN for a closed connection: a new one, if the same side closed it (RFC 1122 section 4.2.2.13). */
  private reopen(pkt: Packet, ct: number, hook: number): number {
    const { connections, window } = this;
    const closed = (window.byte(w.SIDE_FLAGS, 0) | window.byte(w.SIDE_FLAGS, 1)) & w.FLAG_CLOSE_INIT;
    const aborted = window.byte(w.LAST_DIR) === this.dir && window.byte(w.LAST_INDEX) === state.RST_SET;
    if (closed === 0 && !aborted) return this.ignore(pkt, hook);
    if (!connections.table.isHashed(ct)) return this.done(DROP);
    connections.kill(ct, pkt);
    return this.done(REPEAT);
  }

  /** We may be out of step with the two ends: let the segment pass, note it, and see what the other side says. */
  private ignore(pkt: Packet, hook: number): number {
    const { connections, window } = this;
    if (this.answersIgnoredSyn()) {
      this.resynchronise();
      return CHECK_WINDOW;
    }
    window.setByte(w.LAST_INDEX, 0, this.index);
    window.setByte(w.LAST_DIR, 0, this.dir);
    window.setByte(w.IGNORED, 0, 1);
    window.setWord(w.LAST_SEQ, 0, window.seq);
    window.setWord(w.LAST_END, 0, window.end);
    window.setWord(w.LAST_WIN, 0, window.win);
    if (this.index === state.SYN_SET && this.dir === ORIGINAL) this.noteSyn(pkt);
    if (this.old === state.SYN_SENT && this.index === state.ACK_SET && this.dir === REPLY) {
      window.setWord(w.LAST_ACKED, 0, window.ack);
    }
    if (connections.logs(ip.TCP)) connections.logInvalid(pkt, ip.TCP, hook, this.describe('ignored'));
    return this.done(TRACKED);
  }

  private answersIgnoredSyn(): boolean {
    const { window } = this;
    return (
      this.index === state.SYNACK_SET &&
      window.byte(w.LAST_INDEX) === state.SYN_SET &&
      window.byte(w.LAST_DIR) !== this.dir &&
      window.ack === window.word(w.LAST_END)
    );
  }

  /** The SYN that we ignored was good: begin again with what was noted of it. */
  private resynchronise(): void {
    const { window } = this;
    const side = window.byte(w.LAST_DIR);
    const win = window.word(w.LAST_WIN);
    this.old = state.SYN_SENT;
    this.now = state.SYN_RECV;
    window.setWord(w.END, side, window.word(w.LAST_END));
    window.setWord(w.MAXEND, side, window.word(w.LAST_END));
    window.setWord(w.MAXWIN, side, win === 0 ? 1 : win);
    window.setByte(w.SCALE, side, window.byte(w.LAST_WSCALE));
    window.setByte(w.LAST_FLAGS, 0, window.byte(w.LAST_FLAGS) & ~w.EXP_CHALLENGE_ACK);
    window.setByte(w.SIDE_FLAGS, side, window.byte(w.LAST_FLAGS));
    for (const name of [w.END, w.MAXEND, w.MAXWIN, w.MAXACK]) window.setWord(name, this.dir, 0);
    window.setByte(w.SCALE, this.dir, 0);
    window.setByte(w.SIDE_FLAGS, this.dir, window.byte(w.SIDE_FLAGS, this.dir) & w.FLAG_BE_LIBERAL);
  }

  private noteSyn(pkt: Packet): void {
    const { window } = this;
    window.readOptions(pkt.view);
    // The last FIN may be answered by a challenge ACK (RFC 5961), which is not its acknowledgment.
    const challenge = this.old === state.LAST_ACK ? w.EXP_CHALLENGE_ACK : 0;
    window.setByte(w.LAST_FLAGS, 0, window.optionFlags | challenge);
    window.setByte(w.LAST_WSCALE, 0, window.optionScale);
  }

  private isChallengeAck(): boolean {
    const { window } = this;
    return (
      this.old === state.LAST_ACK &&
      this.index === state.ACK_SET &&
      window.byte(w.LAST_DIR) !== this.dir &&
      window.byte(w.LAST_INDEX) === state.SYN_SET &&
      (window.byte(w.LAST_FLAGS) & w.EXP_CHALLENGE_ACK) !== 0
    );
  }

  private challenged(pkt: Packet, hook: number): number {
    const { connections, window } = this;
    window.setByte(w.LAST_FLAGS, 0, window.byte(w.LAST_FLAGS) & ~w.EXP_CHALLENGE_ACK);
    if (connections.logs(ip.TCP)) connections.logInvalid(pkt, ip.TCP, hook, 'challenge-ack ignored');
    return this.done(TRACKED);
  }

  private completeSimultaneousOpen(): void {
    const open = (this.window.byte(w.LAST_FLAGS) & w.SIMULTANEOUS_OPEN) !== 0;
    if (open && this.dir === REPLY && this.index === state.ACK_SET) this.now = state.ESTABLISHED;
  }

  /** An RST: its sequence number must be exact while the connection is established. */
  private reset(pkt: Packet, ct: number, hook: number): number {
    const { window } = this;
    if (isClosing(this.old)) return IN_WINDOW;
    const peer = 1 - this.dir;
    const known = (window.byte(w.SIDE_FLAGS, peer) & w.FLAG_MAXACK_SET) !== 0;
    if (known && window.byte(w.LAST_INDEX) !== state.SYN_SET) {
      const next = this.sequenceOfReset(pkt, ct, hook, window.word(w.MAXACK, peer));
      if (next >= 0) return next;
    }
    return this.answersIgnored(ct) ? IN_WINDOW : CHECK_WINDOW;
  }

  /** What is to be done, or -1 to look further: the sequence is not exact and the state stays. */
  private sequenceOfReset(pkt: Packet, ct: number, hook: number, maxack: number): number {
    const { connections, window } = this;
    const { seq } = window;
    const established = this.old === state.ESTABLISHED && (connections.table.status[ct]! & IPS_ASSURED) !== 0;
    if (seq === 0 && !established) return CHECK_WINDOW;
    if (w.before(seq, maxack) && !connections.settings.ignoreInvalidRst) {
      return this.done(this.invalid(pkt, hook, 'invalid rst'));
    }
    if (!established || seq === maxack) return CHECK_WINDOW;
    const follows = window.byte(w.LAST_INDEX) === state.ACK_SET && window.byte(w.LAST_DIR) === this.dir;
    if (follows && seq === window.word(w.LAST_END)) return CHECK_WINDOW;
    this.now = this.old;
    return -1;
  }

  /** An RST for the SYN or the ACK that we ignored, or for a challenge ACK: what it says cannot be checked. */
  private answersIgnored(ct: number): boolean {
    const { window } = this;
    const status = this.connections.table.status[ct]!;
    const last = window.byte(w.LAST_INDEX);
    // A SYN that was accepted, as those of a simultaneous open are, does not count (measured).
    const ignoredSyn = (status & IPS_SEEN_REPLY) !== 0 && last === state.SYN_SET && window.byte(w.IGNORED) === 1;
    const ignoredAck = (status & IPS_ASSURED) === 0 && last === state.ACK_SET;
    if ((ignoredSyn || ignoredAck) && window.ack === window.word(w.LAST_END)) return true;
    const challenged = this.old === state.SYN_SENT && last === state.ACK_SET && window.byte(w.LAST_DIR) === REPLY;
    return challenged && window.seq === window.word(w.LAST_ACKED);
  }

  /** Judge the segment by the windows; false leaves the verdict in `verdict`. */
  private isInWindow(pkt: Packet, ct: number, hook: number): boolean {
    const { connections, window } = this;
    const judged = window.judge(pkt.view, this.dir, this.index, connections.table.state[ct]!);
    if (judged === w.WINDOW_ACCEPT) return true;
    const liberal = (window.byte(w.SIDE_FLAGS, this.dir) & w.FLAG_BE_LIBERAL) !== 0 || connections.settings.beLiberal;
    if (liberal) return true;
    if (connections.logs(ip.TCP)) connections.logInvalid(pkt, ip.TCP, hook, this.describeFault());
    this.verdict = judged === w.WINDOW_IGNORE ? TRACKED : INVALID;
    if (judged === w.WINDOW_INVALID) this.shorten(pkt, ct, hook);
    return false;
  }

  private describeFault(): string {
    const { fault, bound } = this.window;
    switch (fault) {
      case w.FAULT_OVERSHOT:
        return `${bound} bytes more than expected`;
      case w.FAULT_SEQ_OVER:
        return `SEQ is over upper bound ${bound} (over the window of the receiver)`;
      case w.FAULT_ACK_OVER:
        return `ACK is over upper bound ${bound} (ACKed data not seen yet)`;
      case w.FAULT_SEQ_UNDER:
        return `SEQ is under lower bound ${bound} (already ACKed data retransmitted)`;
      default:
        return `ignored ACK under lower bound ${bound} (possible overly delayed)`;
    }
  }

  /** An end that an invalid FIN or RST of each side announces: do not keep the entry for days. nf_tcp_handle_invalid. */
  private shorten(pkt: Packet, ct: number, hook: number): void {
    const { connections, window } = this;
    const { table, settings } = connections;
    const { status } = table;
    if ((status[ct]! & (IPS_ASSURED | IPS_FIXED_TIMEOUT)) !== IPS_ASSURED) return;
    if (this.index !== state.RST_SET && this.index !== state.FIN_SET) return;
    const last = window.byte(w.LAST_INDEX);
    if (window.byte(w.LAST_DIR) === this.dir || (last !== state.FIN_SET && last !== state.RST_SET)) {
      window.setByte(w.LAST_INDEX, 0, this.index);
      window.setByte(w.LAST_DIR, 0, this.dir);
      return;
    }
    const left = connections.expires(ct);
    const short = settings.tcp[TCP_UNACK]!;
    if (left < 120 * SECOND || left <= short * SECOND) return;
    if (connections.logs(ip.TCP)) {
      const what = `packet (index ${this.index}, dir ${this.dir}) response for index ${last}`;
      // The kernel prints jiffies here; its tick is 4 ms on the machines that we compare with.
      connections.logInvalid(pkt, ip.TCP, hook, `${what} lower timeout to ${short * HZ}`);
    }
    table.timeout[ct] = connections.ns.clock.now + short * SECOND;
  }

  /** A good segment: the new state and its timeout. */
  private accept(pkt: Packet, ct: number, ctInfo: number): number {
    const { connections, window } = this;
    const { table, settings } = connections;
    window.setByte(w.LAST_INDEX, 0, this.index);
    window.setByte(w.LAST_DIR, 0, this.dir);
    window.setByte(w.IGNORED, 0, 0);
    table.state[ct] = this.now;
    if (this.old !== this.now) {
      if (this.now === state.FIN_WAIT) window.addFlags(this.dir, w.FLAG_CLOSE_INIT);
      connections.event(ct, IPCT_PROTOINFO);
    }
    let timeout = this.timeout();
    const status = table.status[ct]!;
    if ((status & IPS_SEEN_REPLY) === 0) {
      if (this.index === state.RST_SET) {
        connections.account(ct, ctInfo, pkt);
        connections.kill(ct, pkt);
        return TRACKED;
      }
      // A repeated SYN does not keep an entry, and its translation, alive.
      if (this.index === state.SYN_SET && this.old === state.SYN_SENT) return TRACKED;
      if (this.now === state.ESTABLISHED) timeout = Math.min(timeout, settings.tcp[TCP_UNACK]!);
    } else this.assure(ct, status);
    connections.refresh(ct, ctInfo, pkt, timeout);
    return TRACKED;
  }

  private timeout(): number {
    const { window } = this;
    const { tcp: timeouts, maxRetrans } = this.connections.settings;
    const usual = timeouts[this.now]!;
    const retrans = timeouts[TCP_RETRANS]!;
    const unack = timeouts[TCP_UNACK]!;
    if (window.byte(w.RETRANS) >= maxRetrans && usual > retrans) return retrans;
    if (this.index === state.RST_SET) return timeouts[state.CLOSE]!;
    const flags = window.byte(w.SIDE_FLAGS, 0) | window.byte(w.SIDE_FLAGS, 1);
    if ((flags & w.FLAG_DATA_UNACKNOWLEDGED) !== 0 && usual > unack) return unack;
    return window.word(w.LAST_WIN) === 0 && usual > retrans ? retrans : usual;
  }

  /** ASSURED: the handshake is complete, or a connection that was picked up got a good answer. */
  private assure(ct: number, status: number): void {
    const { connections } = this;
    const was = this.old === state.SYN_RECV || this.old === state.ESTABLISHED;
    if ((status & IPS_ASSURED) !== 0 || !was || this.now !== state.ESTABLISHED) return;
    connections.assure(ct);
  }
}

/** A fault that is not logged. */
const SILENT = 'silent';
/** Ticks of a second. */
const HZ = 250;

/** tcp_can_early_drop: the end has begun. */
const isClosing = (s: number): boolean => s >= state.FIN_WAIT && s <= state.CLOSE;
