/**
 * A packet in the chains of one table: ipt_do_table of net/ipv4/netfilter/ip_tables.c. Here is also what a namespace adds to a
 * program: counters, cells, objects, and the numbers of its devices. @module
 */

import type { Conntrack } from '../conntrack/conntrack.ts';
import type { SetRegistry } from '../ipset/registry.ts';
import type { Device } from '../net/device.ts';
import { NF_ACCEPT, NF_DROP, type Verdict } from '../net/hook.ts';
import type { Netns } from '../net/netns.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as ipv6 from '../packet/ipv6.ts';
import * as ext from '../packet/ipv6-ext.ts';
import { FLAG_TRACE, type Packet } from '../packet/packet.ts';
import type { Stage } from '../sim/trace.ts';
import * as c from './compile.ts';
import { type Evaluation, type Family, XT_CONTINUE, XT_RETURN } from './extension.ts';
import type { Backend } from './format.ts';
import { LOG_DEFAULT } from './log-flags.ts';
import { logPacket } from './log-packet.ts';
import { destinationPort, hasKey, indexOf, type Lookup, MAX_GROUPS, type TableIndex } from './lookup.ts';
import { conntrack } from './matches/conntrack.ts';
import { testMark } from './matches/mark.ts';
import { testTcp } from './matches/tcp.ts';
import { testUdp } from './matches/udp.ts';
import type { Rule } from './rule.ts';
import { ruleStage, tracePrefix } from './stage.ts';

/** Copies: what another module exports is read from memory each time, a constant of this one is not. */
const {
  STRIDE,
  DST,
  DST_MASK,
  SRC,
  SRC_MASK,
  PORTS,
  PORTS_MASK,
  PROTOCOL,
  FLAGS,
  IIF,
  OIF,
  MATCHES,
  TARGET,
  OPERAND,
  TARGET_ARGS,
  INVERT_PROTOCOL,
  FRAGMENT,
  NOT_FRAGMENT,
  INVERT_IIF,
  INVERT_OIF,
  TARGET_NONE,
  TARGET_ACCEPT,
  TARGET_DROP,
  TARGET_RETURN,
  TARGET_JUMP,
  TARGET_GOTO,
  TARGET_POLICY,
  TARGET_END,
  MATCH_END,
  MATCH_SRC6,
  MATCH_DST6,
  MATCH_TCP,
  MATCH_UDP,
  MATCH_MARK,
  MATCH_CONNTRACK,
  MATCH_NOT_SRC,
  MATCH_NOT_DST,
} = c;

/** What a table runs in. */
export interface Surroundings {
  readonly ns: Netns;
  readonly conntrack: Conntrack;
  readonly sets: SetRegistry;
  readonly log: ((line: string) => void) | null;
  readonly lookup: Lookup;
}

/** Integers of a frame of the stack, and cursors of a chain at most. */
const FRAME = 3;
const GROUPS = MAX_GROUPS + 1;
/** Runs of one table inside each other: an answer to an answer, and room to spare. */
const NESTED_RUNS = 8;

const found = new ext.Found();

const [UNKNOWN, NO, YES] = [0, 1, 2] as const;

const matchesName = (pattern: string, name: string): boolean =>
  pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

/** A table of one namespace: the program, and what changes as packets pass. */
export class TableState implements Evaluation {
  readonly program: c.Program;
  readonly ns: Netns;
  readonly conntrack: Conntrack;
  readonly sets: SetRegistry;
  readonly family: Family;
  readonly table: string;
  readonly backend: Backend;
  readonly cells: Float64Array;
  readonly objects: object[];
  readonly log: ((line: string) => void) | null;
  /** By row, packets and bytes in turn. */
  readonly counters: Float64Array;
  /** Rules that packets were compared with. */
  visits = 0;

  hook = 0;
  iif: Device;
  oif: Device;
  protocol = 0;
  fragmentOffset = 0;
  hotdrop = false;

  /** What the keys of rules are compared with: IPv4 addresses, protocol << 16 and destination port. */
  private src = 0;
  private dst = 0;
  private ports = 0;
  /** -1 when the packet has all that a key may ask for, else 0: then the ports of keys do not count. */
  private keyed = 0;
  /** Does a trace, or the TRACE target, want to know what the packet matches? */
  private watched = false;

  /** Of chains that jumped, in all runs under way: row to come back to, chain in the index, its first cursor. */
  private readonly stack: Int32Array;
  private top = 0;

  /** How rules are looked up: null walks. */
  private readonly index: TableIndex | null;
  /** Next entries of the index's groups, for all chains under way; those of the current chain are [cursorBase, cursorTop). */
  private readonly cursors: Int32Array;
  private cursorBase = 0;
  private cursorTop = 0;
  /** Number of the current chain in the index, -1 when it is walked. */
  private chain = -1;
  /** Is the index good for this packet? */
  private indexed = false;

  /** By ifindex and pattern: whether the name matches, as far as it is known. */
  private devices: Uint8Array = new Uint8Array(0);
  private readonly stage: Stage;

  constructor(program: c.Program, around: Surroundings) {
    this.program = program;
    this.ns = around.ns;
    this.conntrack = around.conntrack;
    this.sets = around.sets;
    this.log = around.log;
    this.family = program.family;
    this.table = program.table.name;
    this.backend = program.backend;
    this.cells = program.cells.slice();
    this.iif = this.oif = around.ns.devices[0]!;
    this.objects = new Array<object>(program.objects.length);
    for (const i of program.objectOrder) this.objects[i] = program.objects[i]!(this);
    this.counters = new Float64Array((program.rows.length / STRIDE) * 2);
    const depth = program.depth * NESTED_RUNS;
    this.stack = new Int32Array(depth * FRAME);
    this.index = around.lookup === 'indexed' ? indexOf(program) : null;
    this.cursors = new Int32Array(depth * GROUPS);
    this.stage = ruleStage(program, around.ns);
    for (const { chain, start, end } of program.chains) {
      chain.rules.forEach(({ packets, bytes }, i) => {
        this.counters[2 * (start + i)] = packets;
        this.counters[2 * (start + i) + 1] = bytes;
      });
      this.counters[2 * end] = chain.packets;
      this.counters[2 * end + 1] = chain.bytes;
    }
  }

  /** Rules of `before` that are still here go on from their state there. */
  inherit(before: TableState): void {
    const rows = rowsByRule(before.program);
    for (const [rule, row] of rowsByRule(this.program)) {
      const old = rows.get(rule);
      if (old === undefined) continue;
      const { cellsAt, objectsAt } = before.program;
      const from = this.program.cellsAt[row]!;
      this.cells.set(before.cells.subarray(cellsAt[old]!, cellsAt[old + 1]!), from);
      const first = this.program.objectsAt[row]!;
      for (let i = objectsAt[old]!; i < objectsAt[old + 1]!; i++)
        this.objects[first + i - objectsAt[old]!] = before.objects[i]!;
    }
  }

  deviceMatches(pattern: number, device: Device): boolean {
    const patterns = this.program.devicePatterns.length;
    const at = device.index * patterns + pattern;
    const known = at < this.devices.length ? this.devices[at]! : UNKNOWN;
    return known === UNKNOWN ? this.compareName(pattern, device, at) : known === YES;
  }

  private compareName(pattern: number, device: Device, at: number): boolean {
    if (at >= this.devices.length) {
      const grown = new Uint8Array((device.index + 8) * this.program.devicePatterns.length);
      grown.set(this.devices);
      this.devices = grown;
    }
    const yes = matchesName(this.program.devicePatterns[pattern]!, device.name);
    this.devices[at] = yes ? YES : NO;
    return yes;
  }

  /** Ask the base chain of `hook`. Runs per packet: no allocation. */
  run(pkt: Packet, hook: number, iif: Device, oif: Device): Verdict {
    if (this.program.entry[hook]! < 0) return NF_ACCEPT;
    // A target that sends runs the tables again, for a packet that is its own.
    const { top, cursorTop, cursorBase, chain, indexed, hotdrop } = this;
    this.begin(pkt, hook, iif, oif);
    this.indexed = this.index !== null && this.keyed !== 0;
    const verdict = this.walk(pkt, hook, iif, oif);
    this.top = top;
    this.cursorTop = cursorTop;
    this.cursorBase = cursorBase;
    this.chain = chain;
    this.indexed = indexed;
    this.hotdrop = hotdrop;
    return verdict;
  }

  /** From rule to rule until there is a verdict: ipt_do_table. */
  private walk(pkt: Packet, hook: number, iif: Device, oif: Device): Verdict {
    const { rows, entry, policy } = this.program;
    const { counters, stack, top: base, src, dst } = this;
    let row = this.enter(entry[hook]!, this.cursorTop, pkt);
    let verdict: number = XT_CONTINUE;
    while (verdict < 0 && !this.hotdrop) {
      row = this.find(row, pkt);
      if (row < 0) return NF_DROP;
      const at = row * STRIDE;
      counters[2 * row]! += 1;
      counters[2 * row + 1]! += pkt.end - pkt.l3;
      if (this.watched) this.tell(pkt, row);
      switch (rows[at + TARGET]) {
        case TARGET_NONE:
          row = this.next(row);
          break;
        case TARGET_ACCEPT:
          verdict = NF_ACCEPT;
          break;
        case TARGET_DROP:
          verdict = NF_DROP;
          break;
        case TARGET_POLICY:
          verdict = rows[at + OPERAND]!;
          break;
        case TARGET_RETURN:
        case TARGET_END:
          row = this.top > base ? this.back() : policy[hook]!;
          break;
        case TARGET_JUMP:
          stack[this.top] = row + 1;
          stack[this.top + 1] = this.chain;
          stack[this.top + 2] = this.cursorBase;
          this.top += FRAME;
          row = this.enter(rows[at + OPERAND]!, this.cursorTop, pkt);
          break;
        case TARGET_GOTO:
          row = this.enter(rows[at + OPERAND]!, this.cursorBase, pkt);
          break;
        default:
          verdict = this.runTarget(at, pkt);
          if (verdict >= 0 || this.hotdrop) break;
          this.begin(pkt, hook, iif, oif);
          // A key that changed finds other rules: walk on.
          if (src !== this.src || dst !== this.dst) this.indexed = false;
          if (verdict !== XT_RETURN) row = this.next(row);
          else row = this.top > base ? this.back() : policy[hook]!;
      }
    }
    return this.hotdrop ? NF_DROP : (verdict as Verdict);
  }

  private runTarget(at: number, pkt: Packet): number {
    const { rows, args, targets } = this.program;
    return targets[rows[at + OPERAND]!]!.run(args, rows[at + TARGET_ARGS]!, pkt, this);
  }

  /** The first row from `from` on that the packet matches, or -1 when a match says that it is broken. A chain's last row matches. */
  private find(from: number, pkt: Packet): number {
    const walks = this.chain < 0 || !this.indexed;
    for (let row = from; ; row = walks ? row + 1 : this.next(row)) {
      if (walks) row = this.skip(row);
      this.visits++;
      if (this.matches(row, pkt)) return row;
      if (this.hotdrop) return -1;
    }
  }

  /** The first row from `from` on whose key fits. Nearly all time of a walk is spent here. */
  private skip(from: number): number {
    const { keys } = this.program;
    const { src, dst, ports, keyed } = this;
    let at = from * STRIDE;
    while (
      ((dst ^ keys[at + DST]!) & keys[at + DST_MASK]!) !== 0 ||
      ((src ^ keys[at + SRC]!) & keys[at + SRC_MASK]!) !== 0 ||
      ((ports ^ keys[at + PORTS]!) & keys[at + PORTS_MASK]! & keyed) !== 0
    )
      at += STRIDE;
    const row = at / STRIDE;
    this.visits += row - from;
    return row;
  }

  /** The first row to compare of the chain that begins at `start`; its cursors go to `base`. */
  private enter(start: number, base: number, pkt: Packet): number {
    this.cursorBase = base;
    this.cursorTop = base;
    const { index } = this;
    this.chain = index !== null && this.indexed ? index.chainAt[start]! : -1;
    if (index === null || this.chain < 0) return start;
    this.cursorTop = index.open(this.chain, pkt, this.protocol, this.cursors, base);
    return this.next(start);
  }

  /** The row to compare after `row`. */
  private next(row: number): number {
    const { index, cursors, cursorTop } = this;
    if (index === null || this.chain < 0 || !this.indexed) return row + 1;
    const { entryRow } = index;
    let least = index.chains[this.chain]!.end;
    let cursor = -1;
    for (let i = this.cursorBase; i < cursorTop; i++) {
      const candidate = entryRow[cursors[i]!]!;
      if (candidate < least) {
        least = candidate;
        cursor = i;
      }
    }
    if (cursor >= 0) cursors[cursor] = index.entryNext[cursors[cursor]!]!;
    return least;
  }

  /** Back to the chain that jumped here. */
  private back(): number {
    this.top -= FRAME;
    this.chain = this.stack[this.top + 1]!;
    this.cursorTop = this.cursorBase;
    this.cursorBase = this.stack[this.top + 2]!;
    const row = this.stack[this.top]!;
    return this.next(row - 1);
  }

  private begin(pkt: Packet, hook: number, iif: Device, oif: Device): void {
    this.hook = hook;
    this.iif = iif;
    this.oif = oif;
    this.hotdrop = false;
    this.watched = this.ns.trace !== null || (pkt.flags & FLAG_TRACE) !== 0;
    if (this.family === 'ipv4') this.readHeader(pkt);
    else this.findTransport(pkt);
    this.keyed = hasKey(pkt, this.protocol, this.fragmentOffset) ? -1 : 0;
    this.ports = this.keyed === 0 ? 0 : (this.protocol << 16) | destinationPort(pkt, this.protocol);
  }

  private readHeader({ view, l3 }: Packet): void {
    this.src = ipv4.src(view, l3);
    this.dst = ipv4.dst(view, l3);
    this.protocol = ipv4.protocol(view, l3);
    this.fragmentOffset = ipv4.fragmentOffset(view, l3);
  }

  /** The transport header of an IPv6 packet stands behind its extension headers; `protocol` is -1 when there is none. */
  private findTransport(pkt: Packet): void {
    // nft_set_pktinfo_ipv6 takes an authentication header for a transport; ip6_packet_match looks behind it.
    const flags = this.backend === 'nft' ? ext.STOP_AT_AUTH : 0;
    const there = ext.find(pkt.view, pkt.l3, pkt.end, -1, found, flags);
    this.protocol = there ? found.protocol : -1;
    // A later fragment that begins with more extension headers is none to ipv6_find_hdr.
    this.fragmentOffset = there ? found.fragmentOffset : 0;
    if (there) pkt.l4 = found.at;
  }

  /** A packet matched `row`. */
  private tell(pkt: Packet, row: number): void {
    if (this.ns.trace !== null && this.program.rows[row * STRIDE + TARGET] !== TARGET_END) {
      this.ns.trace.record(this.stage, pkt, row, this.hook);
    }
    if ((pkt.flags & FLAG_TRACE) !== 0 && this.log !== null && this.backend === 'legacy') {
      this.log(logPacket(tracePrefix(this.program, row), pkt, this.iif, this.oif, LOG_DEFAULT));
    }
  }

  /** ip_packet_match and the rule's matches. */
  private matches(row: number, pkt: Packet): boolean {
    const { keys, rows } = this.program;
    const at = row * STRIDE;
    if (((this.dst ^ keys[at + DST]!) & keys[at + DST_MASK]!) !== 0) return false;
    if (((this.src ^ keys[at + SRC]!) & keys[at + SRC_MASK]!) !== 0) return false;
    const flags = rows[at + FLAGS]!;
    const protocol = rows[at + PROTOCOL]!;
    if (protocol !== 0 && !this.isProtocol(protocol, (flags & INVERT_PROTOCOL) !== 0, at, pkt)) return false;
    const iif = rows[at + IIF]!;
    if (iif >= 0 && this.deviceMatches(iif, this.iif) === ((flags & INVERT_IIF) !== 0)) return false;
    const oif = rows[at + OIF]!;
    if (oif >= 0 && this.deviceMatches(oif, this.oif) === ((flags & INVERT_OIF) !== 0)) return false;
    if ((flags & FRAGMENT) !== 0 && this.fragmentOffset === 0) return false;
    if ((flags & NOT_FRAGMENT) !== 0 && this.fragmentOffset !== 0) return false;
    const first = rows[at + MATCHES]!;
    return first < 0 || this.testAll(first, pkt);
  }

  private isProtocol(protocol: number, invert: boolean, at: number, pkt: Packet): boolean {
    if (this.protocol >= 0) return (protocol === this.protocol) !== invert;
    // An IPv6 packet whose headers do not lead to a transport: an expression of nft breaks, ip6_packet_match drops.
    if (this.backend === 'legacy' && this.fragmentOffset === 0) this.hotdrop = this.concerns(at, pkt);
    return false;
  }

  /** What ip6_packet_match asks before the protocol: addresses and devices. */
  private concerns(at: number, pkt: Packet): boolean {
    const { args, rows } = this.program;
    const flags = rows[at + FLAGS]!;
    const [iif, oif] = [rows[at + IIF]!, rows[at + OIF]!];
    if (iif >= 0 && this.deviceMatches(iif, this.iif) === ((flags & INVERT_IIF) !== 0)) return false;
    if (oif >= 0 && this.deviceMatches(oif, this.oif) === ((flags & INVERT_OIF) !== 0)) return false;
    let i = rows[at + MATCHES]!;
    if (i < 0) return true;
    for (; args[i] === MATCH_SRC6 || args[i] === MATCH_DST6; i += 2 + args[i + 1]!) {
      if (!testAddress6(args, i + 2, pkt, args[i] === MATCH_SRC6 ? ipv6.SRC : ipv6.DST)) return false;
    }
    return true;
  }

  private testAll(first: number, pkt: Packet): boolean {
    const { args, matches } = this.program;
    for (let at = first; ; at += 2 + args[at + 1]!) {
      const code = args[at]!;
      let matched: boolean;
      switch (code) {
        case MATCH_END:
          // An inverted test of a broken packet holds: ipt_do_table counts it before it drops, nft_match_eval does not.
          return !this.hotdrop || this.backend === 'legacy';
        case MATCH_SRC6:
          matched = testAddress6(args, at + 2, pkt, ipv6.SRC);
          break;
        case MATCH_DST6:
          matched = testAddress6(args, at + 2, pkt, ipv6.DST);
          break;
        case MATCH_NOT_SRC:
          matched = (this.src & args[at + 3]!) !== args[at + 2];
          break;
        case MATCH_NOT_DST:
          matched = (this.dst & args[at + 3]!) !== args[at + 2];
          break;
        case MATCH_TCP:
          matched = testTcp(args, at + 2, pkt, this);
          break;
        case MATCH_UDP:
          matched = testUdp(args, at + 2, pkt, this);
          break;
        case MATCH_MARK:
          matched = testMark(args, at + 2, pkt);
          break;
        case MATCH_CONNTRACK:
          matched = conntrack.test(args, at + 2, pkt, this);
          break;
        default:
          matched = matches[code]!.test(args, at + 2, pkt, this);
      }
      if (!matched) return false;
    }
  }
}

/** The rows of rules that stand in one place only. */
function rowsByRule({ chains }: c.Program): Map<Rule, number> {
  const rows = new Map<Rule, number>();
  for (const { chain, start } of chains) {
    for (const [i, { rule }] of chain.rules.entries()) rows.set(rule, start + i);
  }
  return rows;
}

/** Four words under a mask: `args` holds address, mask and whether it is inverted. */
function testAddress6(args: Int32Array, at: number, pkt: Packet, offset: number): boolean {
  const { view, l3 } = pkt;
  const invert = args[at + 8] === 1;
  for (let i = 0; i < 4; i++) {
    if ((view.getInt32(l3 + offset + 4 * i) & args[at + 4 + i]!) !== args[at + i]) return invert;
  }
  return !invert;
}
