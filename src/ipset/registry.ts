/**
 * The sets of one namespace: names, numbers, references. A rule and a list hold a set by its number; what stands under a number
 * may be swapped. net/netfilter/ipset/ip_set_core.c. @module
 */
import type { Packet } from '../packet/packet.ts';
import { INCOMPLETE, MISMATCH, NOMATCH } from './code.ts';
import type { Ticker } from './extensions.ts';
import { HashSet } from './hash-set.ts';
import { FLAG_RETURN_NOMATCH, type Request } from './request.ts';
import { type Action, ADD, DELETE, type IpSet, type SetConfig, sameConfig, TEST } from './set.ts';
import { BitmapIp } from './types/bitmap-ip.ts';
import { BitmapIpMac } from './types/bitmap-ipmac.ts';
import { BitmapPort } from './types/bitmap-port.ts';
import { HASH_TYPES } from './types/index.ts';
import { ListSet, type Sets } from './types/list-set.ts';

/** A number and what stands there. */
export interface Slot {
  name: string;
  set: IpSet;
  /** Rules and lists that hold it. */
  references: number;
}

/** What a namespace lends its sets. */
export interface RegistryOptions {
  readonly ticker: Ticker;
  /** Draws the seed of a set's hash, a uint32. */
  readonly seed: () => number;
}

/** Why a command was refused; the text layer adds the place. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** The sets of one namespace. */
export class SetRegistry implements Sets {
  private slots: (Slot | null)[] = [];
  private readonly numbers: Map<string, number> = new Map();
  private readonly options: RegistryOptions;
  /** While a text is loaded: sets as they were before. */
  private before: Map<IpSet, IpSet> | null = null;
  private fresh: Set<IpSet> = new Set();

  constructor(options: RegistryOptions) {
    this.options = options;
  }

  has(name: string): boolean {
    return this.numbers.has(name);
  }

  indexOf(name: string): number {
    return this.numbers.get(name) ?? -1;
  }

  nameOf(index: number): string {
    return this.slot(index).name;
  }

  isList(index: number): boolean {
    return this.slot(index).set instanceof ListSet;
  }

  /** A rule names a set: it stays until it is released. @throws {Refusal} when there is none */
  take(name: string): number {
    const index = this.indexOf(name);
    if (index < 0) throw new Refusal(`unknown set ${name}, expected a set that is there`);
    this.hold(index);
    return index;
  }

  hold(index: number): void {
    this.slot(index).references++;
  }

  release(index: number): void {
    this.slot(index).references--;
  }

  /** Names in the order of the numbers, lists of sets last: that of `ipset save`. */
  names(): string[] {
    const all = this.slots.filter((slot) => slot !== null);
    const isList = ({ set }: Slot): boolean => set instanceof ListSet;
    return [...all.filter((slot) => !isList(slot)), ...all.filter(isList)].map(({ name }) => name);
  }

  /** @throws {Refusal} when there is no such set */
  find(name: string): IpSet {
    return this.slotOf(name).set;
  }

  references(name: string): number {
    return this.slotOf(name).references;
  }

  /** Does the set hold the packet? An element that says nomatch counts for a rule that asks for those. ip_set_test */
  test(index: number, pkt: Packet, request: Request): boolean {
    return this.packet(TEST, index, pkt, request) > 0;
  }

  add(index: number, pkt: Packet, request: Request): number {
    return this.packet(ADD, index, pkt, request);
  }

  delete(index: number, pkt: Packet, request: Request): number {
    return this.packet(DELETE, index, pkt, request);
  }

  /** Runs per packet: no allocation. */
  packet(action: Action, index: number, pkt: Packet, request: Request): number {
    const { set } = this.slots[index]!;
    if (request.dimensions < set.dimension || (set.family !== 'unspec' && set.family !== request.family))
      return action === TEST ? 0 : MISMATCH;
    const code = set.packet(action, pkt, request);
    if (action !== TEST) return code;
    if (code === INCOMPLETE) {
      set.packet(ADD, pkt, request);
      return 1;
    }
    if ((request.flags & FLAG_RETURN_NOMATCH) !== 0 && set.hasNomatch && (code > 0 || code === NOMATCH)) return -code;
    return Math.max(0, code);
  }

  /** @throws {Refusal} when another set has the name, or one that differs where `exist` allows an equal one */
  create(name: string, config: SetConfig, exist: boolean): void {
    const index = this.indexOf(name);
    if (index >= 0) {
      if (exist && sameConfig(this.slot(index).set.config, config)) return;
      throw new Refusal(`set ${name}, which is there already, expected a new name`);
    }
    const set = this.make(config);
    this.fresh.add(set);
    const free = this.slots.indexOf(null);
    const number = free < 0 ? this.slots.length : free;
    this.slots[number] = { name, set, references: 0 };
    this.numbers.set(name, number);
  }

  private make(config: SetConfig): IpSet {
    const { ticker, seed } = this.options;
    const hash = HASH_TYPES.get(config.type);
    if (hash !== undefined) return new HashSet(hash, config, ticker, config.initval ?? seed());
    switch (config.type) {
      case 'bitmap:ip':
        return new BitmapIp(config, ticker);
      case 'bitmap:ip,mac':
        return new BitmapIpMac(config, ticker);
      case 'bitmap:port':
        return new BitmapPort(config, ticker);
      case 'list:set':
        return new ListSet(config, ticker, this);
      default:
        throw new Error(`no set type ${config.type}`);
    }
  }

  /** The set of a name, to be changed: what it was is remembered while a text is loaded. @throws {Refusal} */
  change(name: string): IpSet {
    const { set } = this.slotOf(name);
    this.remember(set);
    return set;
  }

  private remember(set: IpSet): void {
    if (this.before !== null && !this.fresh.has(set) && !this.before.has(set)) this.before.set(set, set.clone());
  }

  /** All sets, when no name is given. @throws {Refusal} */
  flush(name: string | null): void {
    for (const each of name === null ? this.names() : [name]) this.change(each).flush();
  }

  /** @throws {Refusal} when a rule or a list holds it */
  destroy(name: string | null): void {
    const doomed = name === null ? this.names() : [name];
    const held = doomed.find((each) => this.slotOf(each).references > 0 && (name !== null || !this.heldByLists(each)));
    if (held !== undefined) throw new Refusal(`set ${held} in use, expected one that no rule and no list holds`);
    // Lists let go of their members first.
    for (const each of doomed.reverse()) {
      const index = this.indexOf(each);
      const { set } = this.slot(index);
      if (set instanceof ListSet) this.change(each).flush();
      this.slots[index] = null;
      this.numbers.delete(each);
    }
  }

  /** Is it held by nothing but lists that go with it? */
  private heldByLists(name: string): boolean {
    const index = this.indexOf(name);
    const lists = this.slots.filter((slot) => slot !== null && slot.set instanceof ListSet && slot.set.holds(index));
    return lists.length === this.slot(index).references;
  }

  /** @throws {Refusal} */
  rename(from: string, to: string): void {
    const slot = this.slotOf(from);
    if (slot.references > 0) throw new Refusal(`set ${from} in use, expected one that no rule and no list holds`);
    if (this.has(to)) throw new Refusal(`set ${to}, which is there already, expected a new name`);
    this.numbers.set(to, this.indexOf(from));
    this.numbers.delete(from);
    slot.name = to;
  }

  /** Exchange what stands under two names. @throws {Refusal} when the types differ */
  swap(a: string, b: string): void {
    const first = this.slotOf(a);
    const second = this.slotOf(b);
    const alike = first.set.config.type === second.set.config.type && first.set.family === second.set.family;
    if (!alike) throw new Refusal(`sets ${a} and ${b} of two types, expected one type`);
    [first.set, second.set] = [second.set, first.set];
  }

  /** Run `change`; when it throws, everything is as it was before. */
  atomically<T>(change: () => T): T {
    const slots = this.slots.map((slot) => (slot === null ? null : { ...slot }));
    this.before = new Map();
    this.fresh = new Set();
    try {
      return change();
    } catch (error) {
      const { before } = this;
      this.slots = slots.map((slot) => (slot === null ? null : { ...slot, set: before.get(slot.set) ?? slot.set }));
      this.numbers.clear();
      for (const [i, slot] of this.slots.entries()) if (slot !== null) this.numbers.set(slot.name, i);
      throw error;
    } finally {
      this.before = null;
      this.fresh = new Set();
    }
  }

  private slot(index: number): Slot {
    const slot = this.slots[index];
    if (slot === null || slot === undefined) throw new Error(`no set number ${index}`);
    return slot;
  }

  private slotOf(name: string): Slot {
    const index = this.indexOf(name);
    if (index < 0) throw new Refusal(`unknown set ${name}, expected a set that is there`);
    return this.slot(index);
  }
}
