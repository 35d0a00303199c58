/** Ports of TCP and UDP: net/netfilter/ipset/ip_set_bitmap_port.c. @module */
import { ETH_P_IPV6 } from '../../packet/ethernet.ts';
import type { Packet } from '../../packet/packet.ts';
import { BitmapSet } from '../bitmap-set.ts';
import { INVALID, OUT_OF_RANGE } from '../code.ts';
import { Element } from '../element.ts';
import type { Entry } from '../entry.ts';
import type { Ticker } from '../extensions.ts';
import { readPort } from '../packet-fields.ts';
import type { Request } from '../request.ts';
import type { SetConfig } from '../set.ts';

const TCP = 6;
const UDP = 17;

export class BitmapPort extends BitmapSet {
  readonly family = 'unspec';
  readonly dimension = 1;
  private readonly e: Element = new Element();

  constructor(config: SetConfig, ticker: Ticker) {
    super(config, ticker, config.range[0], config.range[1] - config.range[0] + 1);
  }

  protected packetPlace(pkt: Packet, { source }: Request): number {
    const { e } = this;
    if (!readPort(pkt, pkt.protocol === ETH_P_IPV6, (source & 1) !== 0, e)) return INVALID;
    if (e.protocol !== TCP && e.protocol !== UDP) return INVALID;
    const place = e.port - this.first;
    return place < 0 || place >= this.taken.length ? OUT_OF_RANGE : place;
  }

  protected numbers({ ports }: Entry): readonly [number, number] {
    return ports;
  }

  protected range(): string {
    return `${this.first}-${this.first + this.taken.length - 1}`;
  }

  protected element(place: number): string {
    return String(this.first + place);
  }

  clone(): BitmapPort {
    return this.copyTo(new BitmapPort(this.config, this.ticker));
  }
}
