/** What does a packet's look into an ipset cost, and how long does a text take to load, as sets grow? @module */
import { Request, restoreSets, SetRegistry } from 'podwire/ipset';
import { type Packet, PacketPool } from 'podwire/packet';
import { type Case, short, table, time } from './measure.ts';

const SIZES = [100, 10_000, 100_000];
const LOOKUPS = 4096;
/** IPv4, TCP from port 80 to port 80, no payload; addresses are written per lookup. */
const HEADERS = '4500002800014000400600000a0000010a0000020050005000000000000000005002ffff00000000';

/** Elements of a type by number, and the directions that a rule gives. */
const TYPES: Readonly<Record<string, { element: (address: string) => string; directions: number; source: number }>> = {
  'hash:ip': { element: (address) => address, directions: 1, source: 1 },
  'hash:ip,port': { element: (address) => `${address},tcp:80`, directions: 2, source: 1 },
  'hash:net': { element: (address) => `${address}/31`, directions: 1, source: 1 },
  'hash:ip,port,net': { element: (address) => `${address},tcp:80,10.0.0.0/8`, directions: 3, source: 1 },
};

const addressOf = (i: number): number => (10 << 24) + 14 * i + 65_536;
const text = (address: number): string =>
  `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;

function textOf(type: string, size: number): string {
  const { element } = TYPES[type]!;
  const lines = Array.from({ length: size }, (_, i) => `add s ${element(text(addressOf(i)))}\n`);
  return `create s ${type} maxelem 1000000\n${lines.join('')}`;
}

function packet(): Packet {
  const pkt = new PacketPool().from(Uint8Array.from(Buffer.from(HEADERS, 'hex')))!;
  pkt.l3 = pkt.data;
  pkt.l4 = pkt.l3 + 20;
  return pkt;
}

interface Point extends Case {
  readonly type: string;
  readonly size: number;
  /** Milliseconds. */
  readonly load: number;
}

function point(type: string, size: number): Point {
  const registry = new SetRegistry({ ticker: { now: 0 }, seed: () => 0x1234_5678 });
  const lines = textOf(type, size);
  const start = process.cpuUsage();
  restoreSets(registry, lines, 'bench');
  const { user, system } = process.cpuUsage(start);
  const request = new Request();
  request.dimensions = TYPES[type]!.directions;
  request.source = TYPES[type]!.source;
  const pkt = packet();
  // Far from each other, so that neighbours in memory do not help.
  const addresses = Int32Array.from({ length: LOOKUPS }, (_, i) => addressOf((i * 7919) % size));
  let found = 0;
  const run = (): void => {
    for (let i = 0; i < LOOKUPS; i++) {
      pkt.view.setInt32(pkt.l3 + 12, addresses[i]!);
      if (registry.test(0, pkt, request)) found++;
    }
  };
  run();
  if (found !== LOOKUPS) throw new Error(`${type}: found ${found} of ${LOOKUPS}`);
  return { name: `${type} ${size}`, items: LOOKUPS, run, type, size, load: (user + system) / 1000 };
}

/** Print the table. */
export function sets(): void {
  const points = Object.keys(TYPES).flatMap((type) => SIZES.map((size) => point(type, size)));
  const timings = time(points);
  const rows = points.map(({ type, size, load }, i) => [
    type,
    String(size),
    short(timings[i]!.nanoseconds),
    `${timings[i]!.spread.toFixed(0)} %`,
    `${load.toFixed(0)} ms`,
  ]);
  table('One look into a set', ['type', 'elements', 'ns', 'spread', 'load'], rows);
}
