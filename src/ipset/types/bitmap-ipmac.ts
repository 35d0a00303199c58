/**
 * Addresses of a range with their MAC addresses; one that is missing is taken from the first packet that asks.
 * net/netfilter/ipset/ip_set_bitmap_ipmac.c. @module
 */
import { format4 } from '../../packet/address.ts';
import type { Packet } from '../../packet/packet.ts';
import { BitmapSet } from '../bitmap-set.ts';
import { EXIST, INCOMPLETE, INVALID, NOT_FOUND, OK, OUT_OF_RANGE } from '../code.ts';
import { Element } from '../element.ts';
import { formatMacPair } from '../element-text.ts';
import type { Entry } from '../entry.ts';
import type { Ticker } from '../extensions.ts';
import { readMac } from '../packet-fields.ts';
import type { Request } from '../request.ts';
import type { Action, SetConfig } from '../set.ts';
import type { Values } from '../values.ts';

export class BitmapIpMac extends BitmapSet {
  readonly family = 'inet';
  readonly dimension = 2;
  /** By place: first two bytes and last four, and 1 where they are known. */
  private readonly high: Uint16Array;
  private readonly low: Int32Array;
  private readonly filled: Uint8Array;
  /** The MAC address of the element at hand, if it has one. */
  private readonly e: Element = new Element();
  private hasMac = true;

  constructor(config: SetConfig, ticker: Ticker) {
    const [first, last] = config.range;
    super(config, ticker, first, last - first + 1);
    this.high = new Uint16Array(this.taken.length);
    this.low = new Int32Array(this.taken.length);
    this.filled = new Uint8Array(this.taken.length);
  }

  protected packetPlace(pkt: Packet, { source }: Request): number {
    const place = pkt.view.getUint32(pkt.l3 + ((source & 1) !== 0 ? 12 : 16)) - this.first;
    if (place < 0 || place >= this.taken.length) return OUT_OF_RANGE;
    this.hasMac = true;
    return readMac(pkt, (source & 2) !== 0, this.e) ? place : INVALID;
  }

  override entry(action: Action, entry: Entry, values: Values, exist: boolean): number {
    this.hasMac = entry.mac !== null;
    [this.e.macHigh, this.e.macLow] = entry.mac ?? [0, 0];
    return super.entry(action, entry, values, exist);
  }

  protected numbers({ addresses }: Entry): readonly [number, number] {
    const address = addresses[0]!.words[0]! >>> 0;
    return [address, address];
  }

  protected override test(place: number, length: number, request: Request): number {
    if (this.taken[place] === 0) return NOT_FOUND;
    if (!this.hasMac || this.filled[place] === 0) return INCOMPLETE;
    return this.isMac(place) ? super.test(place, length, request) : NOT_FOUND;
  }

  protected override add(place: number, values: Values, exist: boolean): number {
    const { extensions, hasMac } = this;
    const taken = this.taken[place] === 1;
    const complete = taken && this.filled[place] === 1;
    const starts = taken && !complete && hasMac;
    if (complete && hasMac && exist && !this.isMac(place)) this.fill(place);
    if (taken && !starts && !exist && !this.looksEnded(place)) return EXIST;
    if (starts || !taken) this.fill(place);
    const timeout = extensions.timeoutOf(values);
    const isDefault = timeout === (this.config.timeout ?? 0);
    if (starts) extensions.setTimeout(place, isDefault ? extensions.storedTimeout(place) : timeout);
    else if (hasMac) extensions.setTimeout(place, timeout);
    else extensions.storeTimeout(place, timeout);
    extensions.set(place, values);
    this.taken[place] = 1;
    return OK;
  }

  private isMac(place: number): boolean {
    return this.high[place] === this.e.macHigh && this.low[place] === this.e.macLow;
  }

  private fill(place: number): void {
    this.high[place] = this.e.macHigh;
    this.low[place] = this.e.macLow;
    this.filled[place] = this.hasMac ? 1 : 0;
  }

  /** A stored timeout, read as a point in time, lies long ago. */
  protected override looksEnded(place: number): boolean {
    if (this.filled[place] === 1) return super.looksEnded(place);
    return this.extensions.storedTimeout(place) !== 0;
  }

  protected override ended(place: number): boolean {
    return this.filled[place] === 1 && super.ended(place);
  }

  protected override formatValues(place: number): string {
    const { extensions } = this;
    return this.filled[place] === 1
      ? extensions.format(place)
      : extensions.format(place, extensions.storedTimeout(place));
  }

  protected range(): string {
    return `${format4(this.first)}-${format4(this.first + this.taken.length - 1)}`;
  }

  protected element(place: number): string {
    const mac = this.filled[place] === 1 ? `,${formatMacPair(this.high[place]!, this.low[place]!)}` : '';
    return `${format4(this.first + place)}${mac}`;
  }

  clone(): BitmapIpMac {
    const copy = this.copyTo(new BitmapIpMac(this.config, this.ticker));
    copy.high.set(this.high);
    copy.low.set(this.low);
    copy.filled.set(this.filled);
    return copy;
  }
}
