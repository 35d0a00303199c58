/**
 * A lab: namespaces wired together from a plain description. Frames go in at ports (or packets at a namespace's own
 * sockets), time moves when it is told to, and every frame that leaves a port is handed out with the input that caused it.
 * @module
 */
import { restoreSets } from '../ipset/restore.ts';
import { Backlog } from '../net/backlog.ts';
import type { World } from '../net/netns.ts';
import type { PortDevice } from '../net/wire.ts';
import { parseSave } from '../netfilter/save.ts';
import { PacketPool } from '../packet/arena.ts';
import type { Packet } from '../packet/packet.ts';
import { Clock, MILLISECOND } from '../sim/clock.ts';
import { Random } from '../sim/random.ts';
import { Trace } from '../sim/trace.ts';
import { Builder, type LabNamespace } from './build.ts';
import { Journal } from './journal.ts';
import type { LabSource } from './source.ts';
import { labState } from './state.ts';
import type { Topology } from './topology.ts';

/** How a lab runs. */
export interface LabOptions {
  /** How rules are looked up; default indexed. */
  readonly lookup?: 'linear' | 'indexed';
  /** Which iptables loads the rules; default what the description says, else nft. */
  readonly backend?: 'nft' | 'legacy';
  /** Seed of everything that Linux leaves to chance; default 1. */
  readonly seed?: number;
  /** Leave out rules with a match or target that is not known instead of refusing them. */
  readonly ignoreUnknown?: boolean;
  /** Observe every packet: see `Lab.trace`. */
  readonly trace?: boolean;
  /** Keep what `state` tells input by input (drops, log lines, send errors); it grows with the traffic. Default true. */
  readonly journal?: boolean;
}

/** Where frames go in: a port of the lab, or `local:NS`, a raw socket in a namespace. */
export interface Entry {
  readonly name: string;
  /** @returns 0, or a negative errno when the sender is told that it failed */
  send(pkt: Packet): number;
}

/** Told of every frame that goes in or leaves a port. The packet is lent: its bytes are [data, end) until the call returns. */
export type FrameListener = (port: string, pkt: Packet, input: number) => void;

const ETH_HLEN = 14;
const ENOMEM = 12;

/** A lab that is built and loaded, at time 0. */
export class Lab {
  readonly topology: Topology;
  readonly clock: Clock = new Clock();
  readonly pool: PacketPool = new PacketPool();
  readonly namespaces: ReadonlyMap<string, LabNamespace>;
  /** Names of the ports, in the description's order. */
  readonly ports: readonly string[];
  /** What was left out of the description or the rules, one line each. */
  readonly warnings: readonly string[];
  /** What happened to the packets, when `trace` was asked for. */
  readonly trace: Trace | null;
  /** Told of frames that leave, and of frames before they go in. */
  onFrame: FrameListener | null = null;
  onInput: FrameListener | null = null;
  /** Index of the last input; -1 before the first. */
  input = -1;
  /** Frames that left a port so far. */
  sent = 0;
  private readonly source: LabSource;
  private readonly world: World;
  private readonly byName: Map<string, Entry> = new Map();
  private readonly journal: Journal | null;

  /** Tell what the wall clock showed when the run began, seconds since 1970: a rule may ask (`-m time`). */
  set epochSeconds(seconds: number) {
    this.world.epochSeconds = seconds;
  }

  /** @throws {LabError} for a description that cannot be built; {ParseError} or {IpsetError} for rules or sets that cannot be loaded */
  constructor(source: LabSource, options: LabOptions = {}) {
    const { clock, pool } = this;
    this.source = source;
    this.topology = source.topology;
    this.world = { clock, pool, random: new Random(options.seed ?? 1), backlog: new Backlog() };
    const builder = new Builder(source.topology, source.file, this.world, {
      lookup: options.lookup ?? 'indexed',
      backend: options.backend ?? source.topology.backend ?? 'nft',
      log: options.journal === false ? null : (line) => this.journal?.log(line),
    });
    builder.build();
    this.namespaces = builder.namespaces;
    this.ports = Object.keys(source.topology.ports ?? {});
    this.warnings = builder.warnings;
    const walks = source.topology.trace_conntrack === true;
    this.journal = options.journal === false ? null : new Journal(this.namespaces, walks);
    this.loadRules(options, builder.warnings);
    for (const [name, port] of builder.ports) this.addPort(name, port);
    for (const [name, { ns }] of this.namespaces) {
      this.byName.set(`local:${name}`, { name: `local:${name}`, send: (pkt) => sendLocal(ns, pkt) });
    }
    this.trace = options.trace === true ? new Trace(clock) : null;
    for (const { ns } of this.namespaces.values()) ns.trace = this.trace;
    // Frames that configuring caused left before anybody looked.
    this.settle();
    this.sent = 0;
  }

  /** Names of all places where frames go in. */
  get entries(): readonly string[] {
    return [...this.byName.keys()];
  }

  /** The port or `local:NS` of that name, or undefined. */
  find(name: string): Entry | undefined {
    return this.byName.get(name);
  }

  /**
   * Let time pass until `at` (nanoseconds since the run began; earlier than now means now), then put one frame in.
   * @returns 0, or a negative errno when the sender was told that it failed
   * @throws {RangeError} for the name of no port
   */
  inject(entry: Entry | string, frame: Uint8Array, at?: number): number {
    const to = typeof entry === 'string' ? this.find(entry) : entry;
    if (to === undefined) throw new RangeError(`unknown port ${entry}, expected one of ${this.entries.join(', ')}`);
    if (at !== undefined && at > this.clock.now) this.advance(at);
    this.input++;
    this.journal?.beforeInput(this.input);
    const pkt = this.pool.from(frame);
    if (pkt !== null) this.onInput?.(to.name, pkt, this.input);
    const errno = pkt === null ? -ENOMEM : to.send(pkt);
    this.settle();
    this.journal?.afterInput(errno);
    return errno;
  }

  /** Let time pass until `time`, in nanoseconds since the run began; timers run at their instants. */
  advance(time: number): void {
    const { clock } = this;
    // What a timer sends is received before the next instant begins.
    while (clock.next <= time) {
      clock.advance(clock.next);
      this.settle();
    }
    clock.advance(time);
  }

  /** Let pass what the description wants to pass after the last input. */
  finish(): void {
    this.advance(this.clock.now + (this.topology.settle_ms ?? 0) * MILLISECOND);
  }

  /** What the namespaces hold, as texts by file name (`r.counters`): see state.ts. */
  state(): Map<string, string> {
    return labState(this.source, this.namespaces, this.journal);
  }

  private settle(): void {
    this.world.backlog.run();
  }

  private addPort(name: string, port: PortDevice): void {
    this.byName.set(name, { name, send: (pkt) => port.receive(pkt) });
    port.onFrame = (pkt) => {
      this.sent++;
      this.onFrame?.(name, pkt, this.input);
    };
  }

  private loadRules(options: LabOptions, warnings: string[]): void {
    const ignoreUnknown = options.ignoreUnknown === true;
    for (const [name, { netfilter }] of this.namespaces) {
      const { sets } = netfilter;
      const ipset = this.source.ipset.get(name);
      if (ipset !== undefined) restoreSets(sets, ipset.text, ipset.file);
      for (const [family, texts] of [
        ['ipv4', this.source.rules],
        ['ipv6', this.source.rules6],
      ] as const) {
        const source = texts.get(name);
        if (source === undefined) continue;
        const ruleset = parseSave(source.text, source.file, { family, ignoreUnknown, hasSet: (set) => sets.has(set) });
        netfilter.load(ruleset);
        for (const { what, text, at } of ruleset.ignored) {
          warnings.push(`${at.file}:${at.line}:${at.column}: ${what} is not known, left out: ${text}`);
        }
      }
    }
  }
}

/** A raw socket's packet: the Ethernet header of the frame means nothing. */
function sendLocal(ns: LabNamespace['ns'], pkt: Packet): number {
  pkt.pull(Math.min(ETH_HLEN, pkt.length));
  const version = pkt.length > 0 ? pkt.view.getUint8(pkt.data) >>> 4 : 0;
  return version === 6 && ns.ipv6 !== null ? ns.ipv6.sendRaw(pkt) : ns.ip.sendRaw(pkt);
}
