/** The neighbours of IPv6: the nd_tbl of net/ipv6/ndisc.c. Addresses are four words; the rest is {@link Neighbours}. @module */

import { formatWords } from '../packet/address.ts';
import type { Packet } from '../packet/packet.ts';
import { resized } from './column.ts';
import type { Device } from './device.ts';
import { ANY, type In6, isMulticast, readIn6 } from './in6.ts';
import { Neighbours, NUD_NOARP } from './neigh.ts';
import { NeighTable } from './neigh-table.ts';
import type { Netns } from './netns.ts';

const MULTICAST_MAC = 0x3333;

/** Rows by device and four words: `key` holds the first three of the address that is asked for, and of a new row. */
export class NeighTable6 extends NeighTable {
  readonly key: In6 = new Int32Array(3);
  private high: Int32Array = new Int32Array(0);

  override find(device: number, address: number): number {
    const { key, high } = this;
    let row = super.find(device, address);
    while (row >= 0 && (high[3 * row] !== key[0] || high[3 * row + 1] !== key[1] || high[3 * row + 2] !== key[2])) {
      row = this.findNext(row);
    }
    return row;
  }

  override insert(device: number, address: number): number {
    const row = super.insert(device, address);
    if (this.high.length < 3 * this.address.length) this.high = resized(this.high, 3 * this.address.length);
    this.high.set(this.key, 3 * row);
    return row;
  }

  /** A row's address, into `to`. */
  addressOf(row: number, to: In6): In6 {
    for (let i = 0; i < 3; i++) to[i] = this.high[3 * row + i]!;
    to[3] = this.address[row]!;
    return to;
  }
}

/** The IPv6 neighbours of one namespace. */
export class Neighbours6 extends Neighbours {
  declare readonly table: NeighTable6;
  private readonly scratch: In6 = new Int32Array(4);

  constructor(ns: Netns) {
    super(ns, 'net.ipv6.neigh', new NeighTable6());
  }

  /** The key that an address is under; on lo there is one entry for all. @returns the last word */
  private use(dev: Device, address: In6): number {
    const { key } = this.table;
    const from = dev.loopback ? ANY : address;
    for (let i = 0; i < 3; i++) key[i] = from[i]!;
    return from[3]!;
  }

  /** `ip -6 neigh replace`. @throws {RangeError} */
  add6(dev: Device, address: In6, mac: Uint8Array, state?: string): void {
    this.add(dev, this.use(dev, address), mac, state);
  }

  /** `ip -6 neigh add proxy`. */
  addProxy6(dev: Device, address: In6): void {
    this.proxies.add(`${dev.index} ${address}`);
  }

  /** pneigh_lookup. */
  isProxy6(dev: Device, address: In6): boolean {
    return this.proxies.size > 0 && this.proxies.has(`${dev.index} ${address}`);
  }

  find6(dev: Device, address: In6): number {
    return this.find(dev, this.use(dev, address));
  }

  lookupOrCreate6(dev: Device, address: In6): number {
    return this.lookupOrCreate(dev, this.use(dev, address));
  }

  /** neigh_output to the address at `at` of the packet. Runs per packet: no allocation. */
  outputTo(dev: Device, pkt: Packet, at: number): number {
    return this.output6(dev, readIn6(pkt.view, at, this.scratch), pkt);
  }

  /** neigh_output. Runs per packet: no allocation. */
  output6(dev: Device, address: In6, pkt: Packet): number {
    return this.output(dev, this.use(dev, address), pkt);
  }

  /** ndisc_constructor. */
  protected override construct(row: number, dev: Device, address: number): void {
    const { table } = this;
    if (isMulticast(table.key[0]!)) table.setMac(row, MULTICAST_MAC, address);
    else if (dev.noArp || dev.loopback) table.setMac(row, dev.macHigh, dev.macLow);
    else return;
    table.state[row] = NUD_NOARP;
  }

  protected override addressText(row: number): string {
    return formatWords([...this.table.addressOf(row, this.scratch)]);
  }
}
