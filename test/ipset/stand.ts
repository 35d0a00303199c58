/** A registry alone, with a clock that is set by hand, and packets to ask it about. */
import { SetRegistry } from '../../src/ipset/registry.ts';
import { Request } from '../../src/ipset/request.ts';
import { restoreSets } from '../../src/ipset/restore.ts';
import { parse4, parse6, parseMac } from '../../src/packet/address.ts';
import { PacketPool } from '../../src/packet/arena.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../../src/packet/ethernet.ts';
import type { Packet } from '../../src/packet/packet.ts';

export interface Sample {
  readonly src: string;
  readonly dst: string;
  readonly protocol?: number;
  readonly sport?: number;
  readonly dport?: number;
  readonly mark?: number;
  readonly smac?: string;
  readonly dmac?: string;
}

const TRANSPORT = 20;
const pool = new PacketPool();

/** A frame as it is in a hook: headers known, nothing behind the transport header. */
export function packet({ src, dst, protocol = 6, sport = 0, dport = 0, mark = 0, ...macs }: Sample): Packet {
  const six = src.includes(':');
  const header = six ? 40 : 20;
  const pkt = pool.from(new Uint8Array(14 + header + TRANSPORT))!;
  const { view, data } = pkt;
  const l3 = data + 14;
  pkt.bytes.set(parseMac(macs.dmac ?? '02:00:00:00:00:02')!, data);
  pkt.bytes.set(parseMac(macs.smac ?? '02:00:00:00:00:01')!, data + 6);
  view.setUint16(data + 12, six ? ETH_P_IPV6 : ETH_P_IP);
  if (six) {
    view.setUint8(l3, 0x60);
    view.setUint8(l3 + 6, protocol);
    for (const [i, word] of [...parse6(src)!, ...parse6(dst)!].entries()) view.setInt32(l3 + 8 + 4 * i, word);
  } else {
    view.setUint8(l3, 0x45);
    view.setUint8(l3 + 9, protocol);
    view.setInt32(l3 + 12, parse4(src)!);
    view.setInt32(l3 + 16, parse4(dst)!);
  }
  view.setUint16(l3 + header, sport);
  view.setUint16(l3 + header + 2, dport);
  pkt.l2 = data;
  pkt.l3 = l3;
  pkt.l4 = l3 + header;
  pkt.data = l3;
  pkt.protocol = six ? ETH_P_IPV6 : ETH_P_IP;
  pkt.mark = mark;
  return pkt;
}

export class Stand {
  readonly ticker = { now: 0 };
  readonly registry: SetRegistry = new SetRegistry({ ticker: this.ticker, seed: () => 7 });

  /** Let seconds pass. */
  wait(seconds: number): void {
    this.ticker.now += seconds * 1e9;
  }

  restore(...lines: string[]): void {
    restoreSets(this.registry, lines.join('\n'), 'test.ipset');
  }

  /** Does the set hold the packet, as `--match-set SET DIRECTIONS` asks? */
  test(set: string, directions: string, sample: Sample, change: (request: Request) => void = () => undefined): boolean {
    return this.ask(set, directions, sample, change, (index, pkt, request) => this.registry.test(index, pkt, request));
  }

  add(set: string, directions: string, sample: Sample, change: (request: Request) => void = () => undefined): number {
    return this.ask(set, directions, sample, change, (index, pkt, request) => this.registry.add(index, pkt, request));
  }

  delete(set: string, directions: string, sample: Sample): number {
    return this.ask(
      set,
      directions,
      sample,
      () => undefined,
      (index, pkt, request) => this.registry.delete(index, pkt, request),
    );
  }

  private ask<T>(
    set: string,
    directions: string,
    sample: Sample,
    change: (request: Request) => void,
    run: (index: number, pkt: Packet, request: Request) => T,
  ): T {
    const pkt = packet(sample);
    const request = new Request();
    const words = directions.split(',');
    request.family = sample.src.includes(':') ? 'inet6' : 'inet';
    request.dimensions = words.length;
    request.source = words.reduce((bits, word, i) => bits | (word === 'src' ? 1 << i : 0), 0);
    request.iif = 'eth0';
    request.oif = 'eth1';
    change(request);
    const result = run(this.registry.indexOf(set), pkt, request);
    pool.release(pkt);
    return result;
  }
}
