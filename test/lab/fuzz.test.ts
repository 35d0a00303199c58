/**
 * Random and mutated frames through labs with rules, NAT, bridges and tunnels: nothing crashes, hangs, leaks or grows
 * without bound. A portion by default; FUZZ=1000000 for more frames, FUZZ_SEED for others.
 */
import { expect, test } from 'vitest';
import { Bridge } from '../../src/bridge/bridge.ts';
import { REPLY } from '../../src/conntrack/status.ts';
import type { ConntrackTable } from '../../src/conntrack/table.ts';
import { Lab } from '../../src/lab/lab.ts';
import { readCase } from '../../src/lab/source.ts';
import { Random } from '../../src/sim/random.ts';
import { areas, readArea } from '../kernel/case.ts';
import { inputsOf } from '../kernel/run-case.ts';
import { CONNECTIONS, everythingLab, MACS, NEIGHBOURS, TARGETS_OF_FRAMES } from './fuzz-lab.ts';
import { type Frame, Mutator } from './mutate.ts';

const FRAMES = Number(process.env['FUZZ'] ?? 16_000);
const SEED = Number(process.env['FUZZ_SEED'] ?? 2026);
/** After so many frames time passes until whatever waits for an answer has given up. */
const ROUND = 2000;
const PATIENCE = 600e9;
/** What one input may set free: a neighbour's whole queue, each packet flooded or cut. */
const BURST = 4000;

const CASES = [
  ['filter', 'filter-hookorder'],
  ['filter', 'filter-reject-types'],
  ['nat', 'nat-icmp-errors'],
  ['nat', 'nat-masquerade'],
  ['kube', 'kube-nodeport'],
  ['frag', 'frag-defrag-odd'],
  ['routing', 'routing-ip-options'],
  ['bridge', 'bridge-netfilter-on'],
  ['vxlan', 'vxlan-kube-flannel'],
] as const;

/** Every hashed connection stands in the chains of its tuples, and chains end. */
function checkTable(table: ConntrackTable): void {
  let hashed = 0;
  for (let ct = 0; ct < table.rows; ct++) {
    if (!table.isHashed(ct)) continue;
    hashed++;
    const reply = 2 * ct + REPLY;
    let steps = 0;
    let e = table.first(table.hashOf(reply));
    while (e >> 1 !== ct && e >= 0) {
      e = table.after(e);
      if (++steps > 2 * table.rows) throw new Error(`chain of connection ${ct} does not end`);
    }
    if (e < 0) throw new Error(`connection ${ct} is not in the chain of its reply`);
  }
  expect(hashed).toBeLessThanOrEqual(table.count);
}

/** What holds while packets may be waiting. */
function checkBounds(lab: Lab): void {
  for (const { ns, conntrack } of lab.namespaces.values()) {
    expect(conntrack.table.count).toBeLessThanOrEqual(conntrack.settings.max);
    expect(ns.neigh.table.count).toBeLessThanOrEqual(ns.sysctl.get('net.ipv4.neigh.default.gc_thresh3') + 20);
    for (const dev of ns.devices) if (dev instanceof Bridge) expect(dev.fdb.size).toBeLessThan(70_000);
    checkTable(conntrack.table);
  }
}

/** What holds when whatever waited for an answer has given up: every packet is back. */
function checkQuiet(lab: Lab): void {
  expect(lab.pool.live).toBe(0);
  for (const { ns } of lab.namespaces.values()) {
    expect(ns.ip.fragments.size).toBe(0);
    expect(ns.world.backlog.length).toBe(0);
  }
}

function fuzz(lab: Lab, frames: number, mutator: Mutator, random: Random): number {
  let sent = 0;
  lab.onFrame = (port, pkt) => {
    sent++;
    if (random.below(8) === 0) mutator.learn(port, pkt.bytes.slice(pkt.data, pkt.end));
  };
  for (let i = 1; i <= frames; i++) {
    const { port, bytes } = mutator.next();
    const before = sent;
    const pause = random.below(500) === 0 ? random.below(60e9) : random.below(1e6);
    lab.inject(port, bytes, lab.clock.now + pause);
    if (sent - before > BURST) throw new Error(`${sent - before} frames left at ${i}`);
    if (i % ROUND !== 0 && i !== frames) continue;
    checkBounds(lab);
    lab.advance(lab.clock.now + PATIENCE);
    checkQuiet(lab);
  }
  return sent;
}

const portion = Math.ceil(FRAMES / 2 / CASES.length);

for (const [area, name] of CASES) {
  test(`${name}: ${portion} frames`, { timeout: 36_000_000 }, () => {
    const kase = readArea(area).find((other) => other.name === name)!;
    const texts = new Map([...kase.files].filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
    const lab = new Lab(readCase(texts), { journal: false, seed: SEED });
    const random = new Random(SEED);
    const seeds = inputsOf(kase).filter(({ bytes }) => bytes.length > 0);
    expect(fuzz(lab, portion, new Mutator(random, seeds, new Map(), []), random)).toBeGreaterThan(0);
  });
}

const corpus = (): Frame[] => areas().flatMap((area) => readArea(area).flatMap(inputsOf));

for (const lookup of ['linear', 'indexed'] as const) {
  test(`everything at once, ${lookup}: ${FRAMES / 4} frames`, { timeout: 36_000_000 }, () => {
    const lab = everythingLab(SEED, lookup);
    expect(lab.warnings).toEqual([]);
    const random = new Random(SEED);
    const mutator = new Mutator(random, corpus(), MACS, TARGETS_OF_FRAMES);
    expect(fuzz(lab, FRAMES / 4, mutator, random)).toBeGreaterThan(0);
    expect(lab.namespaces.get('r')!.conntrack.settings.max).toBe(CONNECTIONS);
    expect(lab.namespaces.get('r')!.ns.sysctl.get('net.ipv4.neigh.default.gc_thresh3')).toBe(NEIGHBOURS);
  });
}
