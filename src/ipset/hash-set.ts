/**
 * A set of a hash type: elements from packets (kadt) and from text (uadt), and the search among networks, the longest prefix
 * first. net/netfilter/ipset/ip_set_hash_*.c over ip_set_hash_gen.h. @module
 */
import { formatWords } from '../packet/address.ts';
import type { Packet } from '../packet/packet.ts';
import {
  BAD_PROTOCOL,
  EXIST,
  FOUND,
  INVALID,
  INVALID_CIDR,
  MISMATCH,
  NO_ROOM,
  NOMATCH,
  NOT_FOUND,
  NULL_ELEMENT,
  OK,
  WHOLE_RANGE,
} from './code.ts';
import { Element } from './element.ts';
import { formatElement } from './element-text.ts';
import type { AddressRange, Entry } from './entry.ts';
import { Extensions, formatExtensions, type Ticker } from './extensions.ts';
import { HashTable, type TableShape, type Watcher } from './hash-table.ts';
import { InterfaceTable } from './interface-table.ts';
import { blockLength } from './network.ts';
import { readAddress, readMac, readPort } from './packet-fields.ts';
import { Prefixes } from './prefixes.ts';
import { FLAG_EXIST, FLAG_SKIP_COUNTERS, Request } from './request.ts';
import { type Action, DELETE, type IpSet, type SetConfig, type SetFamily, TEST } from './set.ts';
import type { HashType } from './types/hash-type.ts';
import { Values } from './values.ts';

const MIN_BITS = 6;

/** A test from user space counts nothing. */
const UNCOUNTED = new Request();
UNCOUNTED.flags = FLAG_SKIP_COUNTERS;

/** IPSET_GC_PERIOD: how often what has ended is collected, seconds. */
const collectionPeriod = (timeout: number): number => Math.max(1, Math.min(180, Math.floor(timeout / 3)));

/** A set of any hash type. */
export class HashSet implements IpSet, Watcher {
  readonly config: SetConfig;
  readonly family: SetFamily;
  readonly dimension: number;
  readonly hasNomatch: boolean;
  private readonly type: HashType;
  private readonly ticker: Ticker;
  private readonly inet6: boolean;
  /** Words of an address; bits of a host's prefix. */
  private readonly n: number;
  private readonly hostMask: number;
  /** Where the tail begins, and where each address does in an element: by its index. */
  private readonly tailAt: number;
  /** Indices of the addresses that are networks. */
  private readonly nets: readonly number[];
  private readonly bitmask: Int32Array | null;
  private readonly prefixes: readonly [Prefixes, Prefixes] = [new Prefixes(), new Prefixes()];
  private readonly table: HashTable;
  private readonly e: Element = new Element();
  private readonly key: Int32Array;
  /** Elements that a packet adds. */
  private readonly values: Values = new Values();
  private readonly stored: Element = new Element();
  /** The second address of a pair of networks, unmasked. */
  private readonly pair: Int32Array = new Int32Array(4);
  private nextCollection: number;

  constructor(type: HashType, config: SetConfig, ticker: Ticker, initval: number, table: HashTable | null = null) {
    this.type = type;
    this.config = config;
    this.ticker = ticker;
    this.family = config.family;
    this.dimension = type.parts.length;
    this.inet6 = config.family === 'inet6';
    this.n = this.inet6 ? 4 : 1;
    this.hostMask = 32 * this.n;
    const addresses = type.parts.filter((part) => part === 'ip' || part === 'net');
    this.nets = addresses.flatMap((part, i) => (part === 'net' ? [i] : []));
    this.hasNomatch = this.nets.length > 0;
    this.tailAt = addresses.length * this.n;
    this.bitmask = maskWords(config, this.n);
    this.table = table?.clone(this) ?? this.makeTable(initval);
    this.key = new Int32Array(this.table.shape.words);
    this.nextCollection = ticker.now + 1e9;
  }

  private makeTable(initval: number): HashTable {
    const { type, config, tailAt } = this;
    const shape: TableShape = {
      words: tailAt + type.tail,
      hashed: tailAt + (type.hashedTail ?? type.tail),
      maxElements: config.maxelem,
      initval,
      forceadd: config.forceadd,
      multi: type.parts.includes('iface'),
    };
    const bits = Math.max(MIN_BITS, Math.ceil(Math.log2(config.hashsize)));
    const make = shape.multi ? InterfaceTable : HashTable;
    return new make(shape, bits, config.bucketsize, new Extensions(config, this.ticker, 0), this);
  }

  clone(): HashSet {
    const copy = new HashSet(this.type, this.config, this.ticker, 0, this.table);
    copy.prefixes[0].take(this.prefixes[0]);
    copy.prefixes[1].take(this.prefixes[1]);
    copy.nextCollection = this.nextCollection;
    return copy;
  }

  header(): string {
    const { config, table, type } = this;
    const family = this.family === 'unspec' ? '' : ` family ${this.family}`;
    const markmask =
      config.markmask === 0xffff_ffff ? '' : ` markmask 0x${config.markmask.toString(16).padStart(8, '0')}`;
    const mask = this.maskText();
    const initval = (table.shape.initval >>> 0).toString(16).padStart(8, '0');
    const size = ` hashsize ${2 ** table.bits} maxelem ${config.maxelem}${type.maskLast === true ? '' : mask}${markmask}`;
    const bucket = ` bucketsize ${table.bucketSize} initval 0x${initval}`;
    return `${family}${size}${formatExtensions(config)}${bucket}${type.maskLast === true ? mask : ''}`.trimStart();
  }

  private maskText(): string {
    const { netmask, bitmask } = this.config;
    if (netmask !== null && netmask !== this.hostMask) return ` netmask ${netmask}`;
    return bitmask === null ? '' : ` bitmask ${formatWords(bitmask)}`;
  }

  members(): string[] {
    const { table, type, stored } = this;
    const lines: string[] = [];
    for (const place of table.places()) {
      this.unpack(table.keys, table.keyAt(place));
      const flags = `${table.isNomatch(place) ? ' nomatch' : ''}${stored.wildcard ? ' wildcard' : ''}`;
      lines.push(`${formatElement(stored, type, this.n)}${table.extensions.format(place, undefined, flags)}`);
    }
    return lines;
  }

  flush(): void {
    this.table.clear();
    this.prefixes[0].clear();
    this.prefixes[1].clear();
  }

  added(keys: Int32Array, at: number): void {
    if (this.nets.length === 0) return;
    this.unpack(keys, at);
    for (const net of this.nets) this.prefixes[net]!.add(this.stored.cidr[net]!);
  }

  removed(keys: Int32Array, at: number): void {
    if (this.nets.length === 0) return;
    this.unpack(keys, at);
    for (const net of this.nets) this.prefixes[net]!.delete(this.stored.cidr[net]!);
  }

  packet(action: Action, pkt: Packet, request: Request): number {
    const code = this.readPacket(action, pkt, request);
    if (code !== OK) return code;
    const length = pkt.end - pkt.l3;
    if (action === TEST) return this.test(length, request);
    this.collect();
    this.pack();
    if (action === DELETE) return this.table.delete(this.key);
    const { values } = this;
    this.numberName();
    values.timeout = request.timeout;
    values.packets = 1;
    values.bytes = length;
    return this.table.add(this.key, values, false, (request.flags & FLAG_EXIST) !== 0);
  }

  /** The element that a packet is, by the rule's directions. Runs per packet: no allocation. */
  private readPacket(action: Action, pkt: Packet, request: Request): number {
    const { e, type, n } = this;
    const { parts } = type;
    e.begin(this.hostMask);
    let address = 0;
    for (let i = 0; i < parts.length; i++) {
      const source = (request.source & (1 << i)) !== 0;
      switch (parts[i]) {
        case 'ip':
        case 'net':
          if (!this.readNetwork(action, pkt, source, address++)) return INVALID;
          break;
        case 'port':
          if (!readPort(pkt, this.inet6, source, e)) return INVALID;
          break;
        case 'mac':
          if (!readMac(pkt, source, e)) return INVALID;
          break;
        case 'mark':
          e.mark = pkt.mark & this.config.markmask;
          break;
        default:
          e.iface = source ? request.iif : request.oif;
          if (e.iface === '') return INVALID;
      }
    }
    return type.zero !== undefined && e.isZero(0, n) ? INVALID : OK;
  }

  /** An address; as a network it is the host's own in a test, else that of the longest prefix in the set. */
  private readNetwork(action: Action, pkt: Packet, source: boolean, index: number): boolean {
    const { e, n } = this;
    readAddress(pkt, n, source, e, 4 * index);
    this.applyBitmask(index);
    if (action === TEST || !this.isNet(index)) return true;
    const prefixes = this.prefixes[index]!;
    if (prefixes.used > 0) e.cidr[index] = prefixes.lengths[0]!;
    e.mask(4 * index, n, e.cidr[index]!);
    return true;
  }

  private isNet(index: number): boolean {
    return index === this.nets[0] || index === this.nets[1];
  }

  private applyBitmask(index: number): void {
    const { bitmask, e } = this;
    if (bitmask !== null) for (let i = 0; i < this.n; i++) e.address[4 * index + i]! &= bitmask[i]!;
  }

  private pack(): void {
    const { e, n, key, tailAt } = this;
    for (let i = 0; i < tailAt; i++) key[i] = e.address[i < n ? i : 4 + i - n]!;
    this.type.pack(e, key, tailAt);
    if (this.table instanceof InterfaceTable) {
      this.table.iface = e.iface;
      key[tailAt + 1] = -1;
    }
  }

  private unpack(keys: Int32Array, at: number): void {
    const { stored, n, tailAt } = this;
    stored.clear(this.hostMask);
    for (let i = 0; i < tailAt; i++) stored.address[i < n ? i : 4 + i - n] = keys[at + i]!;
    this.type.unpack(stored, keys, at + tailAt);
    if (this.table instanceof InterfaceTable) stored.iface = this.table.names[keys[at + tailAt + 1]!]!;
  }

  /** mtype_test: a host is looked for under every prefix length, a network as it is. Runs per packet: no allocation. */
  private test(length: number, request: Request): number {
    const { nets, e, hostMask } = this;
    for (let i = 0; i < nets.length; i++) if (e.cidr[nets[i]!] !== hostMask) return this.testExact(length, request);
    if (nets.length === 0) return this.testExact(length, request);
    return nets.length === 1 ? this.testNetworks(nets[0]!, length, request) : this.testPairs(length, request);
  }

  private testExact(length: number, request: Request): number {
    const { table } = this;
    this.pack();
    for (let place = table.find(this.key); place >= 0; place = table.findNext(this.key, place)) {
      const result = this.judge(place, length, request);
      if (result !== NOT_FOUND) return result;
      table.similar = 0;
    }
    return NOT_FOUND;
  }

  private judge(place: number, length: number, request: Request): number {
    const { table } = this;
    if (!table.extensions.match(place, length, request)) return NOT_FOUND;
    return table.isNomatch(place) ? NOMATCH : FOUND;
  }

  private testNetworks(net: number, length: number, request: Request): number {
    const { e, table } = this;
    const { lengths, used } = this.prefixes[net]!;
    table.similar = 0;
    // Where a network was found with other devices only, wider ones are not looked at: so does the kernel.
    for (let i = 0; i < used && table.similar === 0; i++) {
      e.mask(4 * net, this.n, lengths[i]!);
      e.cidr[net] = lengths[i]!;
      const result = this.testExact(length, request);
      if (result !== NOT_FOUND) return result;
    }
    return NOT_FOUND;
  }

  private testPairs(length: number, request: Request): number {
    const { e, n, pair } = this;
    const [first, second] = this.prefixes;
    for (let i = 0; i < n; i++) pair[i] = e.address[4 + i]!;
    for (let i = 0; i < first.used; i++) {
      e.mask(0, n, first.lengths[i]!);
      e.cidr[0] = first.lengths[i]!;
      for (let w = 0; w < n; w++) e.address[4 + w] = pair[w]!;
      for (let j = 0; j < second.used; j++) {
        e.mask(4, n, second.lengths[j]!);
        e.cidr[1] = second.lengths[j]!;
        const result = this.testExact(length, request);
        if (result !== NOT_FOUND) return result;
      }
    }
    return NOT_FOUND;
  }

  entry(action: Action, entry: Entry, values: Values, exist: boolean): number {
    const code = this.readEntry(entry);
    if (code !== OK) return code;
    if (action === TEST) return this.testEntry(entry);
    this.collect();
    return this.eachAddress(action, entry, values, exist);
  }

  private readEntry(entry: Entry): number {
    const { e, type, n } = this;
    e.clear(this.hostMask);
    e.protocol = entry.protocol;
    e.port = entry.ports[0];
    e.mark = entry.mark & this.config.markmask;
    e.iface = entry.iface;
    e.physdev = entry.physdev;
    e.wildcard = entry.wildcard;
    if (entry.mac !== null) [e.macHigh, e.macLow] = entry.mac;
    if (type.parts.includes('port') && entry.protocol === 0) return BAD_PROTOCOL;
    if (type.parts.includes('mac') && e.macHigh === 0 && e.macLow === 0) return NULL_ELEMENT;
    for (const [i, { words, cidr }] of entry.addresses.entries()) {
      if (words.length !== n) return MISMATCH;
      if (cidr === 0 && type.net0 !== true) return INVALID_CIDR;
      this.setAddress(i, words, this.isNet(i) ? cidr : this.hostMask);
    }
    if (type.zero === undefined || !e.isZero(0, n)) return OK;
    return type.zero === 'null' ? NULL_ELEMENT : INVALID;
  }

  private setAddress(index: number, words: readonly number[], cidr: number): void {
    const { e, n } = this;
    for (let i = 0; i < n; i++) e.address[4 * index + i] = words[i]!;
    this.applyBitmask(index);
    e.cidr[index] = cidr;
    e.mask(4 * index, n, cidr);
  }

  private testEntry(entry: Entry): number {
    const result = this.test(0, UNCOUNTED);
    if (!this.hasNomatch || !entry.nomatch) return result;
    if (result === NOMATCH) return FOUND;
    return result === FOUND ? NOT_FOUND : result;
  }

  /** Every address of a range, or every network that it is made of; then every port, and every second network. */
  private eachAddress(action: Action, entry: Entry, values: Values, exist: boolean): number {
    const range = entry.addresses[0];
    if (range === undefined) return this.eachPort(action, entry, values, exist);
    return this.each(0, range, () => this.eachPort(action, entry, values, exist));
  }

  private eachPort(action: Action, entry: Entry, values: Values, exist: boolean): number {
    const [first, last] = entry.ports;
    const second = entry.addresses[1];
    for (let port = first; port <= last; port++) {
      this.e.port = port;
      const code =
        second === undefined
          ? this.change(action, entry, values, exist)
          : this.each(1, second, () => this.change(action, entry, values, exist));
      if (code !== OK) return code;
    }
    return OK;
  }

  private each(index: number, { words, cidr, to }: AddressRange, run: () => number): number {
    const net = this.isNet(index);
    if (to === null && (net || cidr === this.hostMask)) {
      this.setAddress(index, words, net ? cidr : this.hostMask);
      return run();
    }
    // The mask is laid on the address that was written first, before the ends are put in order.
    const start = this.maskedFrom(index, words[0]!, to === null ? cidr : 32);
    const end = to ?? (start | (cidr === 0 ? -1 : ~(-1 << (32 - cidr)))) >>> 0;
    let from = Math.min(start, end);
    const last = Math.max(start, end);
    if (net && from === 0 && last === 0xffff_ffff) return WHOLE_RANGE;
    const { netmask } = this.config;
    const hosts = netmask === null || this.type.maskLast === true ? 1 : 2 ** (32 - netmask);
    while (from <= last) {
      const length = net ? blockLength(from, last) : 32;
      this.e.address[4 * index] = from;
      this.e.cidr[index] = length;
      if (this.type.zero === 'null' && from === 0) return NULL_ELEMENT;
      const code = run();
      if (code !== OK) return code;
      from += net ? 2 ** (32 - length) : hosts;
    }
    return OK;
  }

  /** First address of a range, uint32, under the set's mask. */
  private maskedFrom(index: number, word: number, cidr: number): number {
    this.setAddress(index, [word], 32);
    this.e.mask(4 * index, 1, cidr);
    return this.e.address[4 * index]! >>> 0;
  }

  private change(action: Action, entry: Entry, values: Values, exist: boolean): number {
    const { table, key } = this;
    this.pack();
    if (action === DELETE) {
      const code = table.delete(key);
      return code === EXIST && exist ? OK : code;
    }
    this.numberName();
    for (;;) {
      const code = table.add(key, values, entry.nomatch, exist);
      if (code !== NO_ROOM) return code;
      const grown = table.grow();
      if (grown !== OK) return grown;
    }
  }

  /** An element that is added is stored with its device's name. */
  private numberName(): void {
    if (this.table instanceof InterfaceTable) this.key[this.tailAt + 1] = this.table.nameNumber(this.e.iface);
  }

  /** What has ended is collected before something changes, if it is time. */
  private collect(): void {
    const { timeout } = this.config;
    if (timeout === null || this.ticker.now < this.nextCollection) return;
    this.nextCollection = this.ticker.now + collectionPeriod(timeout) * 1e9;
    this.table.collectAll();
  }
}

/** The mask of `netmask` or `bitmask`; null when every bit counts. */
function maskWords({ netmask, bitmask }: SetConfig, n: number): Int32Array | null {
  if (bitmask !== null) return Int32Array.from(bitmask);
  if (netmask === null) return null;
  const mask = new Element();
  mask.address.fill(-1);
  mask.mask(0, n, netmask);
  return mask.address.slice(0, n);
}
