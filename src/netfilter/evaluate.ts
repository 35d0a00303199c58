/**
 * A packet in the chains of one table: ipt_do_table of net/ipv4/netfilter/ip_tables.c. Here is also what a namespace adds to a
 * program: counters, cells, objects, and the numbers of its devices. @module
 */
import type { Conntrack } from '../conntrack/conntrack.ts';
import type { Device } from '../net/device.ts';
import { NF_ACCEPT, NF_DROP, type Verdict } from '../net/hook.ts';
import type { Netns } from '../net/netns.ts';
import * as ipv4 from '../packet/ipv4.ts';
import type { Packet } from '../packet/packet.ts';
import type { Stage } from '../sim/trace.ts';
import * as c from './compile.ts';
import { type Evaluation, type Family, XT_CONTINUE, XT_RETURN } from './extension.ts';
import type { Backend } from './format.ts';

/** What a table runs in. */
export interface Surroundings {
  readonly ns: Netns;
  readonly conntrack: Conntrack;
  readonly log: ((line: string) => void) | null;
  /** Tells of matched rules and policies; its first integer is the row. */
  stage(table: TableState): Stage;
}

const [UNKNOWN, NO, YES] = [0, 1, 2] as const;

const matchesName = (pattern: string, name: string): boolean =>
  pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

export class TableState implements Evaluation {
  readonly program: c.Program;
  readonly ns: Netns;
  readonly conntrack: Conntrack;
  readonly family: Family;
  readonly table: string;
  readonly backend: Backend;
  readonly cells: Float64Array;
  readonly objects: readonly object[];
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

  /** Rows to come back to, of all runs that are under way. */
  private readonly stack: Int32Array;
  private top = 0;
  /** By ifindex and pattern: whether the name matches, as far as it is known. */
  private devices: Uint8Array = new Uint8Array(0);
  private readonly stage: Stage;

  constructor(program: c.Program, around: Surroundings) {
    this.program = program;
    this.ns = around.ns;
    this.conntrack = around.conntrack;
    this.log = around.log;
    this.family = program.family;
    this.table = program.table.name;
    this.backend = program.backend;
    this.cells = program.cells.slice();
    this.iif = this.oif = around.ns.devices[0]!;
    this.objects = program.objects.map((create) => create(this));
    this.counters = new Float64Array((program.rows.length / c.STRIDE) * 2);
    // A target that sends runs the tables again, for a packet that is its own.
    this.stack = new Int32Array(program.chains.length * 4);
    this.stage = around.stage(this);
    for (const { chain, start, end } of program.chains) {
      chain.rules.forEach(({ packets, bytes }, i) => {
        this.counters[2 * (start + i)] = packets;
        this.counters[2 * (start + i) + 1] = bytes;
      });
      this.counters[2 * end] = chain.packets;
      this.counters[2 * end + 1] = chain.bytes;
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
    const { rows, entry, policy, targets, args } = this.program;
    const { counters, stack } = this;
    const base = this.top;
    let row = entry[hook]!;
    if (row < 0) return NF_ACCEPT;
    this.begin(pkt, hook, iif, oif);
    for (;;) {
      const at = row * c.STRIDE;
      this.visits++;
      if (!this.matches(at, pkt)) {
        if (this.hotdrop) return this.leave(base, NF_DROP);
        row++;
        continue;
      }
      counters[2 * row]! += 1;
      counters[2 * row + 1]! += pkt.end - pkt.l3;
      if (this.ns.trace !== null) this.ns.trace.record(this.stage, pkt, row);
      switch (rows[at + c.TARGET]) {
        case c.TARGET_NONE:
          row++;
          break;
        case c.TARGET_ACCEPT:
          return this.leave(base, NF_ACCEPT);
        case c.TARGET_DROP:
          return this.leave(base, NF_DROP);
        case c.TARGET_POLICY:
          return this.leave(base, rows[at + c.OPERAND] as Verdict);
        case c.TARGET_RETURN:
          row = this.top > base ? stack[--this.top]! : policy[hook]!;
          break;
        case c.TARGET_JUMP:
          stack[this.top++] = row + 1;
          row = rows[at + c.OPERAND]!;
          break;
        case c.TARGET_GOTO:
          row = rows[at + c.OPERAND]!;
          break;
        default: {
          const verdict = targets[rows[at + c.OPERAND]!]!.run(args, rows[at + c.TARGET_ARGS]!, pkt, this);
          if (verdict === XT_CONTINUE) {
            row++;
            this.begin(pkt, hook, iif, oif);
          } else if (verdict === XT_RETURN) {
            row = this.top > base ? stack[--this.top]! : policy[hook]!;
            this.begin(pkt, hook, iif, oif);
          } else {
            return this.leave(base, verdict as Verdict);
          }
        }
      }
    }
  }

  private begin(pkt: Packet, hook: number, iif: Device, oif: Device): void {
    this.hook = hook;
    this.iif = iif;
    this.oif = oif;
    this.hotdrop = false;
    this.protocol = ipv4.protocol(pkt.view, pkt.l3);
    this.fragmentOffset = ipv4.fragmentOffset(pkt.view, pkt.l3);
  }

  private leave(base: number, verdict: Verdict): Verdict {
    this.top = base;
    return verdict;
  }

  /** ip_packet_match and the rule's matches. */
  private matches(at: number, pkt: Packet): boolean {
    const { rows } = this.program;
    const { view, l3 } = pkt;
    const flags = rows[at + c.FLAGS]!;
    const dst = ipv4.dst(view, l3);
    if (((dst & rows[at + c.DST_MASK]!) === rows[at + c.DST]) === ((flags & c.INVERT_DST) !== 0)) return false;
    const src = ipv4.src(view, l3);
    if (((src & rows[at + c.SRC_MASK]!) === rows[at + c.SRC]) === ((flags & c.INVERT_SRC) !== 0)) return false;
    const protocol = rows[at + c.PROTOCOL]!;
    if (protocol !== 0 && (protocol === this.protocol) === ((flags & c.INVERT_PROTOCOL) !== 0)) return false;
    const iif = rows[at + c.IIF]!;
    if (iif >= 0 && this.deviceMatches(iif, this.iif) === ((flags & c.INVERT_IIF) !== 0)) return false;
    const oif = rows[at + c.OIF]!;
    if (oif >= 0 && this.deviceMatches(oif, this.oif) === ((flags & c.INVERT_OIF) !== 0)) return false;
    if ((flags & c.FRAGMENT) !== 0 && this.fragmentOffset === 0) return false;
    if ((flags & c.NOT_FRAGMENT) !== 0 && this.fragmentOffset !== 0) return false;
    const first = rows[at + c.MATCHES]!;
    return first < 0 || this.testAll(first, pkt);
  }

  private testAll(first: number, pkt: Packet): boolean {
    const { args, matches } = this.program;
    for (let at = first; args[at] !== c.MATCH_END; at += 2 + args[at + 1]!) {
      const match = matches[args[at]!]!;
      if (!match.test(args, at + 2, pkt, this)) return false;
    }
    return true;
  }
}
