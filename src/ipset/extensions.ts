/**
 * Timeouts, counters, comments and skbinfo of a set's elements: a column each, by place. The extensions of
 * net/netfilter/ipset/ip_set_core.c. @module
 */
import { counterMatches, FLAG_MATCH_COUNTERS, FLAG_SKIP_COUNTERS, type Request } from './request.ts';
import type { Values } from './values.ts';

/** Nanoseconds since the run began. */
export interface Ticker {
  readonly now: number;
}

/** What a `create` line says of extensions. */
export interface ExtensionConfig {
  /** Seconds that an element lives by default, 0 for ever; null: elements have no timeouts. */
  readonly timeout: number | null;
  readonly counters: boolean;
  readonly comment: boolean;
  readonly skbinfo: boolean;
}

/** HZ is 250. */
const TICKS = 250;
const TICK = 1e9 / TICKS;
const PERMANENT = 0;

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

/** The extensions of a set's elements, by row. */
export class Extensions {
  readonly config: ExtensionConfig;
  readonly ticker: Ticker;
  /** Tick at which an element ends. */
  private expires: Float64Array;
  private packets: Float64Array;
  private bytes: Float64Array;
  private comments: string[];
  /** Mark, its mask, priority, queue in turn. */
  private skbinfo: Int32Array;

  constructor(config: ExtensionConfig, ticker: Ticker, places: number) {
    this.config = config;
    this.ticker = ticker;
    this.expires = new Float64Array(config.timeout === null ? 0 : places);
    this.packets = new Float64Array(config.counters ? places : 0);
    this.bytes = new Float64Array(config.counters ? places : 0);
    this.comments = [];
    this.skbinfo = new Int32Array(config.skbinfo ? 4 * places : 0);
  }

  /** The tick that it is; 0 stands for "never", so the run begins at 1. */
  private get tick(): number {
    return Math.floor(this.ticker.now / TICK) + 1;
  }

  expired(place: number): boolean {
    if (this.config.timeout === null) return false;
    const end = this.expires[place]!;
    return end !== PERMANENT && end < this.tick;
  }

  /** Seconds left, rounded down, but never 0; 0 is for ever. */
  left(place: number): number {
    const end = this.expires[place]!;
    return end === PERMANENT ? 0 : Math.max(1, Math.floor((end - this.tick) / TICKS));
  }

  /** Let the element live for so many seconds from now on, 0 for ever. */
  setTimeout(place: number, seconds: number): void {
    if (this.config.timeout !== null) this.expires[place] = seconds === 0 ? PERMANENT : this.tick + seconds * TICKS;
  }

  /** A timeout that does not run yet (bitmap:ip,mac): the plain number of seconds. */
  storeTimeout(place: number, seconds: number): void {
    if (this.config.timeout !== null) this.expires[place] = seconds;
  }
  storedTimeout(place: number): number {
    return this.config.timeout === null ? 0 : this.expires[place]!;
  }

  /** Seconds that `values` ask for, or the set's default. */
  timeoutOf(values: Values): number {
    return values.timeout < 0 ? (this.config.timeout ?? 0) : values.timeout;
  }

  /** An element was added, or added again: all but its timeout. */
  set(place: number, values: Values): void {
    const { config } = this;
    if (config.counters) {
      if (values.bytes >= 0) this.bytes[place] = values.bytes;
      if (values.packets >= 0) this.packets[place] = values.packets;
    }
    if (config.comment) this.comments[place] = values.comment;
    if (config.skbinfo) {
      this.skbinfo[4 * place] = values.mark;
      this.skbinfo[4 * place + 1] = values.markMask;
      this.skbinfo[4 * place + 2] = values.priority;
      this.skbinfo[4 * place + 3] = values.queue;
    }
  }

  /**
   * A packet of `length` bytes found the element: count it, and is it one that the rule takes? ip_set_match_extensions.
   * Runs per packet: no allocation.
   */
  match(place: number, length: number, request: Request): boolean {
    const { config } = this;
    if (this.expired(place)) return false;
    if (config.counters) {
      if ((request.flags & FLAG_SKIP_COUNTERS) === 0) {
        this.bytes[place]! += length;
        this.packets[place]! += 1;
      }
      if ((request.flags & FLAG_MATCH_COUNTERS) !== 0 && !this.countersMatch(place, request)) return false;
    }
    if (config.skbinfo) {
      request.mark = this.skbinfo[4 * place]!;
      request.markMask = this.skbinfo[4 * place + 1]!;
      request.priority = this.skbinfo[4 * place + 2]!;
      request.queue = this.skbinfo[4 * place + 3]!;
    }
    return true;
  }

  private countersMatch(place: number, request: Request): boolean {
    return (
      counterMatches(this.packets[place]!, request.packetsTest, request.packets) &&
      counterMatches(this.bytes[place]!, request.bytesTest, request.bytes)
    );
  }

  /** The place is fresh memory. */
  wipe(place: number): void {
    if (this.config.timeout !== null) this.expires[place] = PERMANENT;
    if (this.config.counters) this.packets[place] = this.bytes[place] = 0;
    if (this.config.skbinfo) this.skbinfo.fill(0, 4 * place, 4 * place + 4);
    if (this.config.comment) this.comments[place] = '';
  }

  /** Take over an element of another column set of the same kind. */
  take(place: number, from: Extensions, old: number): void {
    const { config } = this;
    if (config.timeout !== null) this.expires[place] = from.expires[old]!;
    if (config.counters) {
      this.packets[place] = from.packets[old]!;
      this.bytes[place] = from.bytes[old]!;
    }
    if (config.comment) this.comments[place] = from.comments[old] ?? '';
    if (config.skbinfo) for (let i = 0; i < 4; i++) this.skbinfo[4 * place + i] = from.skbinfo[4 * old + i]!;
  }

  /** As `ipset save` prints them, each with a blank in front; the timeout is in seconds. */
  format(place: number, timeout: number = this.config.timeout === null ? 0 : this.left(place), flags = ''): string {
    const { config } = this;
    let text = config.timeout === null ? flags : ` timeout ${timeout}${flags}`;
    if (config.counters) text += ` packets ${this.packets[place]} bytes ${this.bytes[place]}`;
    const comment = config.comment ? (this.comments[place] ?? '') : '';
    if (comment !== '') text += ` comment "${comment}"`;
    return config.skbinfo ? text + this.formatSkbinfo(4 * place) : text;
  }

  private formatSkbinfo(at: number): string {
    const [mark, mask, priority, queue] = this.skbinfo.subarray(at, at + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    let text = '';
    if (mark !== 0 || mask !== 0) text += ` skbmark ${hex(mark)}${mask === -1 ? '' : `/${hex(mask)}`}`;
    if (priority !== 0) text += ` skbprio ${(priority >>> 16).toString(16)}:${(priority & 0xffff).toString(16)}`;
    return queue === 0 ? text : `${text} skbqueue ${queue}`;
  }
}

/** The words of a `create` line for these. */
export function formatExtensions({ timeout, counters, comment, skbinfo }: ExtensionConfig): string {
  const words = [
    timeout === null ? '' : ` timeout ${timeout}`,
    counters ? ' counters' : '',
    comment ? ' comment' : '',
    skbinfo ? ' skbinfo' : '',
  ];
  return words.join('');
}
