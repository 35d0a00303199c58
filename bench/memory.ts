/** What does a node's memory do: how much do rules take, and does forwarding allocate? Run with --expose-gc. @module */
import { table } from './measure.ts';
import {
  CONNTRACK_RULES,
  datagram,
  establish,
  kubeProxyRules,
  type Lookup,
  Node,
  ONE_NODE,
  TWO_NODES,
} from './node.ts';

const PACKETS = 1_000_000;
const BATCH = 1000;
const FIRST_PORT = 20_000;

const collect = (globalThis as { readonly gc?: () => void }).gc;

/** Bytes in use, after what nobody needs is gone. */
function inUse(): number {
  // What the first collection lets go may have held more.
  collect!();
  collect!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Bytes that a run allocates on the heap, kept or not: the least of some runs, since the compiler allocates there, too. */
function allocated(run: () => void): number {
  const samples = Array.from({ length: 10 }, () => {
    collect!();
    const before = process.memoryUsage().heapUsed;
    run();
    return process.memoryUsage().heapUsed - before;
  });
  return Math.min(...samples);
}

function perPacket(name: string, node: Node, frames: readonly Uint8Array[]): readonly string[] {
  const forward = (packets: number): void => {
    for (let i = 0; i < packets; i += frames.length) node.send(frames);
  };
  forward(100_000);
  const before = inUse();
  forward(PACKETS);
  const kept = (inUse() - before) / PACKETS;
  // Few enough that no collection comes in between.
  const short = allocated(() => forward(10 * BATCH)) / (10 * BATCH);
  return [name, kept.toFixed(3), short.toFixed(1)];
}

const datagrams = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => datagram(FIRST_PORT + i));

function flowsToServices(where: string, topology: object): readonly string[] {
  const node = new Node(kubeProxyRules(1000), 'indexed', topology);
  const segments = Array.from({ length: BATCH }, (_, i) => establish(node, i, FIRST_PORT + i));
  return perPacket(`established flows to 1,000 Services${where}`, node, segments);
}

function ofRules(lookup: Lookup, services: number): readonly string[] {
  const text = kubeProxyRules(services);
  const before = inUse();
  const node = new Node(text, lookup);
  const bytes = inUse() - before;
  if (node.lab.sent !== 0) throw new Error('a packet of its own');
  return [lookup, String(services), (bytes / 2 ** 20).toFixed(1), (bytes / services).toFixed(0)];
}

export function memory(): void {
  if (collect === undefined) throw new Error('run with --expose-gc');
  table(
    `Forwarding: bytes a packet, over ${PACKETS} packets`,
    ['', 'kept', 'allocated'],
    [
      perPacket('no rules', new Node(null), datagrams(BATCH)),
      perPacket('conntrack', new Node(CONNTRACK_RULES), datagrams(BATCH)),
      flowsToServices('', ONE_NODE),
      flowsToServices(', VXLAN', TWO_NODES),
    ],
  );
  table(
    "A node's rules in memory, text and parsed form included",
    ['lookup', 'Services', 'MiB', 'bytes a Service'],
    [
      ofRules('linear', 1000),
      ofRules('linear', 10_000),
      ofRules('indexed', 1000),
      ofRules('indexed', 10_000),
      ofRules('indexed', 50_000),
    ],
  );
}
