/** A set of a bitmap type: a place for each number of a range. net/netfilter/ipset/ip_set_bitmap_gen.h. @module */
import type { Packet } from '../packet/packet.ts';
import { EXIST, FOUND, NOT_FOUND, OK, OUT_OF_RANGE } from './code.ts';
import type { Entry } from './entry.ts';
import { Extensions, formatExtensions, type Ticker } from './extensions.ts';
import { FLAG_EXIST, FLAG_SKIP_COUNTERS, Request } from './request.ts';
import { type Action, ADD, type IpSet, type SetConfig, type SetFamily, TEST } from './set.ts';
import { Values } from './values.ts';

const UNCOUNTED = new Request();
UNCOUNTED.flags = FLAG_SKIP_COUNTERS;

export abstract class BitmapSet implements IpSet {
  readonly config: SetConfig;
  abstract readonly family: SetFamily;
  abstract readonly dimension: number;
  readonly hasNomatch = false;
  protected readonly ticker: Ticker;
  protected readonly first: number;
  protected readonly extensions: Extensions;
  /** 1 where the place is taken. */
  protected readonly taken: Uint8Array;
  private readonly values: Values = new Values();

  /** @param places elements at most; the first one is number `first` */
  constructor(config: SetConfig, ticker: Ticker, first: number, places: number) {
    this.config = config;
    this.ticker = ticker;
    this.first = first;
    this.extensions = new Extensions(config, ticker, places);
    this.taken = new Uint8Array(places);
  }

  /** The place of a packet's element, or a negative code. */
  protected abstract packetPlace(pkt: Packet, request: Request): number;
  /** First and last number of an entry, before `first` is taken off. */
  protected abstract numbers(entry: Entry): readonly [number, number];
  protected abstract range(): string;
  protected abstract element(place: number): string;
  abstract clone(): IpSet;

  header(): string {
    return `range ${this.range()}${formatExtensions(this.config)}`;
  }

  members(): string[] {
    const lines: string[] = [];
    for (let place = 0; place < this.taken.length; place++) {
      if (this.taken[place] === 1 && !this.ended(place)) lines.push(this.element(place) + this.formatValues(place));
    }
    return lines;
  }

  flush(): void {
    this.taken.fill(0);
  }

  packet(action: Action, pkt: Packet, request: Request): number {
    const place = this.packetPlace(pkt, request);
    if (place < 0) return place;
    const length = pkt.end - pkt.l3;
    if (action === TEST) return this.test(place, length, request);
    if (action !== ADD) return this.delete(place);
    this.values.timeout = request.timeout;
    this.values.packets = 1;
    this.values.bytes = length;
    return this.add(place, this.values, (request.flags & FLAG_EXIST) !== 0);
  }

  entry(action: Action, entry: Entry, values: Values, exist: boolean): number {
    const [from, to] = this.numbers(entry);
    const low = from - this.first;
    const high = to - this.first;
    if (low < 0 || high >= this.taken.length) return OUT_OF_RANGE;
    if (action === TEST) return this.test(low, 0, UNCOUNTED);
    for (let place = low; place <= high; place++) {
      const code = action === ADD ? this.add(place, values, exist) : this.delete(place);
      if (code !== OK && !(code === EXIST && exist)) return code;
    }
    return OK;
  }

  protected test(place: number, length: number, request: Request): number {
    return this.taken[place] === 1 && this.extensions.match(place, length, request) ? FOUND : NOT_FOUND;
  }

  protected add(place: number, values: Values, exist: boolean): number {
    const { extensions } = this;
    if (this.taken[place] === 1 && !exist && !this.looksEnded(place)) return EXIST;
    extensions.setTimeout(place, extensions.timeoutOf(values));
    extensions.set(place, values);
    this.taken[place] = 1;
    return OK;
  }

  protected delete(place: number): number {
    const there = this.taken[place] === 1;
    this.taken[place] = 0;
    return there && !this.looksEnded(place) ? OK : EXIST;
  }

  /** Is the element, though there, over: for a listing, and for a change? */
  protected ended(place: number): boolean {
    return this.extensions.expired(place);
  }
  protected looksEnded(place: number): boolean {
    return this.extensions.expired(place);
  }

  protected formatValues(place: number): string {
    return this.extensions.format(place);
  }

  /** Fill a copy. */
  protected copyTo<T extends BitmapSet>(copy: T): T {
    copy.taken.set(this.taken);
    for (let place = 0; place < this.taken.length; place++) copy.extensions.take(place, this.extensions, place);
    return copy;
  }
}
