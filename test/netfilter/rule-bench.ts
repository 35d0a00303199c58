/** One rule in a namespace with two devices: composed frames go through its chain. For tests of matches and targets. */
import { Conntrack } from '../../src/conntrack/conntrack.ts';
import { FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING } from '../../src/net/hook.ts';
import type { Netns } from '../../src/net/netns.ts';
import { compile } from '../../src/netfilter/compile.ts';
import { TableState } from '../../src/netfilter/evaluate.ts';
import type { Family } from '../../src/netfilter/extension.ts';
import type { Backend } from '../../src/netfilter/format.ts';
import { parseSave } from '../../src/netfilter/save.ts';
import { compose } from '../../src/packet/compose.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import * as ipv6 from '../../src/packet/ipv6-ext.ts';
import type { Layer } from '../../src/packet/layer.ts';
import type { Packet } from '../../src/packet/packet.ts';
import { bench, noSets } from './bench-table.ts';

const HOOKS: Readonly<Record<string, number>> = { PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING };
/** Hooks at which a packet has a device that it came in by, and one that it leaves by. */
const WITH_IN = [PREROUTING, INPUT, FORWARD];
const WITH_OUT = [FORWARD, OUTPUT, POSTROUTING];
const ETHERNET: Layer = { ethernet: { src: '02:00:00:00:01:02', dst: '02:00:00:00:01:01' } };

export interface RuleOptions {
  readonly table?: string;
  readonly family?: Family;
  readonly backend?: Backend;
}

export class RuleBench {
  readonly ns: Netns;
  readonly lines: string[] = [];
  private readonly state: TableState;
  private readonly hook: number;

  /** @param rule one `-A CHAIN ...`, or several with a line break between them; the first counts */
  constructor(rule: string, { table = 'filter', family = 'ipv4', backend = 'nft' }: RuleOptions = {}) {
    const { ns } = bench(['eth0', 'eth1']);
    this.ns = ns;
    this.hook = HOOKS[/^-A (\S+)/.exec(rule)![1]!]!;
    const ruleset = parseSave(`*${table}\n${rule}\nCOMMIT\n`, 'rules', { family });
    const log = (line: string): void => {
      this.lines.push(line);
    };
    const around = { ns, conntrack: new Conntrack(ns), sets: noSets(), log, lookup: 'linear' as const };
    this.state = new TableState(compile(ruleset.tables[0]!, family, backend), around);
  }

  /** A packet as it is at the hook: layers from the network header on. */
  packet(layers: readonly Layer[], payload: Uint8Array | string = '', cut = 0): Packet {
    const frame = compose([ETHERNET, ...layers], payload);
    const pkt = this.ns.pool.from(frame.subarray(0, frame.length - cut))!;
    pkt.l2 = pkt.data;
    pkt.l3 = pkt.data += 14;
    pkt.protocol = pkt.view.getUint16(pkt.l2 + 12);
    pkt.l4 = pkt.l3 + ipv4.headerLength(pkt.view, pkt.l3);
    if (pkt.protocol === 0x86dd) {
      const found = new ipv6.Found();
      pkt.l4 = ipv6.find(pkt.view, pkt.l3, pkt.end, -1, found) ? found.at : pkt.end;
    }
    pkt.iif = this.device('eth0');
    pkt.pathMtu = 1500;
    return pkt;
  }

  device(name: string): number {
    return this.ns.device(name)!.index;
  }

  /** The chain's verdict. */
  run(pkt: Packet): number {
    const { devices } = this.ns;
    const iif = devices[WITH_IN.includes(this.hook) ? this.device('eth0') : 0]!;
    const oif = devices[WITH_OUT.includes(this.hook) ? this.device('eth1') : 0]!;
    return this.state.run(pkt, this.hook, iif, oif);
  }

  /** Did the first rule match? */
  matches(layers: readonly Layer[] | Packet, payload: Uint8Array | string = '', cut = 0): boolean {
    const pkt = 'view' in layers ? layers : this.packet(layers, payload, cut);
    const at = 2 * this.state.program.chains[this.hookChain()]!.start;
    const before = this.state.counters[at]!;
    this.run(pkt);
    this.ns.pool.release(pkt);
    return this.state.counters[at]! > before;
  }

  private hookChain(): number {
    return this.state.program.chains.findIndex(({ start }) => start === this.state.program.entry[this.hook]);
  }
}

export const ip = (fields: object = {}): Layer => ({ ipv4: { src: '10.0.1.2', dst: '10.0.2.2', ...fields } });
export const udp = (srcPort = 4000, dstPort = 53): Layer => ({ udp: { srcPort, dstPort } });
