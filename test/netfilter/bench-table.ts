/** A table of rules outside a stack: devices that swallow, and packets made from a few numbers. For tests of the tables. */
import type { Conntrack } from '../../src/conntrack/conntrack.ts';
import { SetRegistry } from '../../src/ipset/registry.ts';
import { Backlog } from '../../src/net/backlog.ts';
import { Device } from '../../src/net/device.ts';
import { Netns } from '../../src/net/netns.ts';
import { compile } from '../../src/netfilter/compile.ts';
import { TableState } from '../../src/netfilter/evaluate.ts';
import type { Backend } from '../../src/netfilter/format.ts';
import type { Lookup } from '../../src/netfilter/lookup.ts';
import { parseSave } from '../../src/netfilter/save.ts';
import { PacketPool } from '../../src/packet/arena.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import type { Packet } from '../../src/packet/packet.ts';
import { Clock } from '../../src/sim/clock.ts';
import { Random } from '../../src/sim/random.ts';

class Sink extends Device {
  override transmit(pkt: Packet): void {
    this.ns.pool.release(pkt);
  }
}

export interface Bench {
  readonly ns: Netns;
  /** By ifindex; 0 is no device. */
  readonly devices: readonly Device[];
}

/** A namespace with a device for each name, behind the placeholder and lo. */
export function bench(names: readonly string[] = ['eth0', 'eth1', 'cni0']): Bench {
  const ns = new Netns('node', {
    pool: new PacketPool(),
    clock: new Clock(),
    random: new Random(1),
    backlog: new Backlog(),
  });
  for (const name of names) new Sink(ns, { name, mac: new Uint8Array(6), mtu: 1500 });
  return { ns, devices: ns.devices };
}

/** A namespace without ipsets. */
export const noSets = (): SetRegistry => new SetRegistry({ ticker: { now: 0 }, seed: () => 0 });

/** One table of a text, loaded. */
export function table(bench: Bench, text: string, lookup: Lookup = 'linear', backend: Backend = 'nft'): TableState {
  const ruleset = parseSave(text, 'test.rules');
  const around = { ns: bench.ns, conntrack: {} as Conntrack, sets: noSets(), log: null, lookup };
  return new TableState(compile(ruleset.tables[0]!, ruleset.family, backend), around);
}

export interface Sample {
  readonly src: string;
  readonly dst: string;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
  readonly mark?: number;
  /** Fragment field of the header. */
  readonly fragment?: number;
  /** Bytes of the segment; default 20. */
  readonly length?: number;
  /** TCP flags. */
  readonly flags?: number;
}

/** An IPv4 packet as it is at a hook. */
export function packet(bench: Bench, sample: Sample): Packet {
  const { src, dst, protocol, length = 20, fragment = 0 } = sample;
  const pkt = bench.ns.pool.take(20 + length)!;
  pkt.bytes.fill(0, pkt.data, pkt.end);
  const header = { tos: 0, totalLength: 20 + length, id: 1, fragment, ttl: 64, protocol, checksum: 0, src, dst };
  ipv4.emit({ ...header, options: new Uint8Array(0) }, pkt.view, pkt.data);
  ipv4.fillChecksum(pkt.view, pkt.data);
  pkt.l3 = pkt.data;
  pkt.l4 = pkt.data + 20;
  pkt.protocol = 0x0800;
  pkt.mark = sample.mark ?? 0;
  if (length >= 2) pkt.view.setUint16(pkt.l4, sample.sport);
  if (length >= 4) pkt.view.setUint16(pkt.l4 + 2, sample.dport);
  if (length >= 14) pkt.view.setUint8(pkt.l4 + 13, sample.flags ?? 0);
  return pkt;
}
