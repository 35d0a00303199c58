/** A list of sets, asked in order: net/netfilter/ipset/ip_set_list_set.c. @module */
import type { Packet } from '../../packet/packet.ts';
import { EXIST, FOUND, LOOP, NO_REFERENCE_SET, NO_SET, NOT_FOUND, NOT_IN_LIST, OK } from '../code.ts';
import type { Entry } from '../entry.ts';
import { Extensions, formatExtensions, type Ticker } from '../extensions.ts';
import { FLAG_MATCH_COUNTERS, FLAG_SKIP_COUNTERS, FLAG_SKIP_SUBCOUNTERS, type Request } from '../request.ts';
import { type Action, ADD, DELETE, type IpSet, type SetConfig, TEST } from '../set.ts';
import type { Values } from '../values.ts';

/** What a list needs of the sets around it; a set is a number. */
export interface Sets {
  /** The set's number, -1 when there is none of that name. */
  indexOf(name: string): number;
  nameOf(index: number): string;
  isList(index: number): boolean;
  hold(index: number): void;
  release(index: number): void;
  packet(action: Action, index: number, pkt: Packet, request: Request): number;
}

/** Rows of the extensions that a list begins with. */
const ROWS = 8;
const MIN_SIZE = 4;

export class ListSet implements IpSet {
  readonly config: SetConfig;
  readonly family = 'unspec';
  readonly dimension = 1;
  readonly hasNomatch = false;
  private readonly sets: Sets;
  private readonly ticker: Ticker;
  /** In order: the members' numbers, and their rows of the extensions. */
  private order: number[] = [];
  private rows: number[] = [];
  private extensions: Extensions;
  private capacity: number = ROWS;

  constructor(config: SetConfig, ticker: Ticker, sets: Sets) {
    this.config = config;
    this.ticker = ticker;
    this.sets = sets;
    this.extensions = new Extensions(config, ticker, ROWS);
  }

  header(): string {
    return `size ${Math.max(MIN_SIZE, this.config.size)}${formatExtensions(this.config)}`;
  }

  members(): string[] {
    return this.order.flatMap((index, i) => {
      const row = this.rows[i]!;
      return this.extensions.expired(row) ? [] : [this.sets.nameOf(index) + this.extensions.format(row)];
    });
  }

  holds(index: number): boolean {
    return this.order.includes(index);
  }

  flush(): void {
    for (const index of this.order) this.sets.release(index);
    this.order = [];
    this.rows = [];
  }

  clone(): ListSet {
    const copy = new ListSet(this.config, this.ticker, this.sets);
    copy.order = [...this.order];
    copy.rows = [...this.rows];
    copy.capacity = this.capacity;
    copy.extensions = this.copyExtensions(this.capacity);
    return copy;
  }

  packet(action: Action, pkt: Packet, request: Request): number {
    return action === TEST ? this.test(pkt, request) : this.change(action, pkt, request);
  }

  /** The first member that takes the packet decides. Runs per packet: no allocation. */
  private test(pkt: Packet, request: Request): number {
    const { sets, extensions } = this;
    const { flags } = request;
    // Counters of the members are not compared.
    request.flags &= ~FLAG_MATCH_COUNTERS;
    if ((flags & FLAG_SKIP_SUBCOUNTERS) !== 0) request.flags |= FLAG_SKIP_COUNTERS;
    const subflags = request.flags;
    let result: number = NOT_FOUND;
    for (let i = 0; i < this.order.length && result === NOT_FOUND; i++) {
      const row = this.rows[i]!;
      request.flags = subflags;
      if (extensions.expired(row) || sets.packet(TEST, this.order[i]!, pkt, request) <= 0) continue;
      request.flags = flags;
      if (extensions.match(row, pkt.end - pkt.l3, request)) result = FOUND;
    }
    request.flags = flags;
    return result;
  }

  /** The first member that takes the change ends it. */
  private change(action: Action, pkt: Packet, request: Request): number {
    for (let i = 0; i < this.order.length; i++) {
      if (this.extensions.expired(this.rows[i]!)) continue;
      if (this.sets.packet(action, this.order[i]!, pkt, request) === OK) return OK;
    }
    return OK;
  }

  entry(action: Action, entry: Entry, values: Values, exist: boolean): number {
    const { sets } = this;
    const index = sets.indexOf(entry.set);
    if (index < 0) return NO_SET;
    if (sets.isList(index)) return LOOP;
    const beside = entry.beside === null ? -1 : sets.indexOf(entry.beside.set);
    if (entry.beside !== null && beside < 0) return NO_REFERENCE_SET;
    if (action !== TEST) this.collect();
    const at = this.order.indexOf(index);
    if (action === ADD) return this.add(index, at, entry, beside, values, exist);
    if (at < 0 || this.extensions.expired(this.rows[at]!)) {
      if (action === TEST) return NOT_FOUND;
      return entry.beside !== null ? NOT_IN_LIST : exist ? OK : EXIST;
    }
    const inPlace = this.isBeside(at, entry, beside);
    if (action === TEST) return inPlace ? FOUND : NOT_FOUND;
    if (!inPlace) return NOT_IN_LIST;
    if (action === DELETE) this.remove(at);
    return OK;
  }

  private isBeside(at: number, { beside }: Entry, other: number): boolean {
    if (beside === null) return true;
    return this.order[beside.place === 'before' ? at + 1 : at - 1] === other;
  }

  private add(index: number, at: number, entry: Entry, beside: number, values: Values, exist: boolean): number {
    const other = entry.beside === null ? -1 : this.order.indexOf(beside);
    if (entry.beside !== null && (other < 0 || beside === index)) return NOT_IN_LIST;
    if (at >= 0) {
      if (!exist) return EXIST;
      this.write(this.rows[at]!, values);
      return OK;
    }
    const place = entry.beside === null ? this.order.length : entry.beside.place === 'before' ? other : other + 1;
    const row = this.freeRow();
    this.order.splice(place, 0, index);
    this.rows.splice(place, 0, row);
    this.write(row, values);
    this.sets.hold(index);
    return OK;
  }

  private write(row: number, values: Values): void {
    this.extensions.set(row, values);
    this.extensions.setTimeout(row, this.extensions.timeoutOf(values));
  }

  private remove(at: number): void {
    this.sets.release(this.order[at]!);
    this.order.splice(at, 1);
    this.rows.splice(at, 1);
  }

  private collect(): void {
    for (let i = this.rows.length - 1; i >= 0; i--) if (this.extensions.expired(this.rows[i]!)) this.remove(i);
  }

  private freeRow(): number {
    if (this.rows.length === this.capacity) {
      this.extensions = this.copyExtensions(2 * this.capacity);
      this.capacity *= 2;
    }
    let row = 0;
    while (this.rows.includes(row)) row++;
    this.extensions.wipe(row);
    return row;
  }

  private copyExtensions(capacity: number): Extensions {
    const copy = new Extensions(this.config, this.ticker, capacity);
    for (let row = 0; row < this.capacity; row++) copy.take(row, this.extensions, row);
    return copy;
  }
}
