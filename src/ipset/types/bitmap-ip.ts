/** Addresses of a range, or networks of one size in it: net/netfilter/ipset/ip_set_bitmap_ip.c. @module */
import { format4 } from '../../packet/address.ts';
import type { Packet } from '../../packet/packet.ts';
import { BitmapSet } from '../bitmap-set.ts';
import { OUT_OF_RANGE } from '../code.ts';
import type { Entry } from '../entry.ts';
import type { Ticker } from '../extensions.ts';
import type { Request } from '../request.ts';
import type { SetConfig } from '../set.ts';

export class BitmapIp extends BitmapSet {
  readonly family = 'inet';
  readonly dimension = 1;
  /** Addresses of a place. */
  private readonly hosts: number;

  constructor(config: SetConfig, ticker: Ticker) {
    const hosts = 2 ** (32 - (config.netmask ?? 32));
    const first = Math.floor(config.range[0] / hosts);
    super(config, ticker, first, Math.floor(config.range[1] / hosts) - first + 1);
    this.hosts = hosts;
  }

  protected packetPlace({ view, l3 }: Packet, { source }: Request): number {
    const address = view.getUint32(l3 + ((source & 1) !== 0 ? 12 : 16));
    const place = Math.floor(address / this.hosts) - this.first;
    return place < 0 || place >= this.taken.length ? OUT_OF_RANGE : place;
  }

  protected numbers({ addresses }: Entry): readonly [number, number] {
    const { words, cidr, to } = addresses[0]!;
    const size = 2 ** (32 - cidr);
    const start = Math.floor((words[0]! >>> 0) / size) * size;
    const end = to ?? start + size - 1;
    const from = Math.min(start, end);
    const last = Math.max(start, end);
    const first = Math.floor(from / this.hosts);
    // From the first address on, not from its network's: the last network may be left out, but must be one of the set's.
    const beyond = Math.floor(last / this.hosts) >= this.first + this.taken.length;
    return [beyond ? -1 : first, first + Math.floor((last - from) / this.hosts)];
  }

  protected range(): string {
    const end = (this.first + this.taken.length) * this.hosts - 1;
    const netmask = this.hosts === 1 ? '' : ` netmask ${this.config.netmask}`;
    return `${format4(this.first * this.hosts)}-${format4(end)}${netmask}`;
  }

  protected element(place: number): string {
    return format4((this.first + place) * this.hosts);
  }

  clone(): BitmapIp {
    return this.copyTo(new BitmapIp(this.config, this.ticker));
  }
}
