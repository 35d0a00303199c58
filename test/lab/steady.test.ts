/** Traffic leaves nothing behind: the heap after so many packets, and after twice as many. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import { labSource } from '../../src/lab/source.ts';
import { compose } from '../../src/packet/compose.ts';
import type { Layer } from '../../src/packet/layer.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const PACKETS = 20_000;
const FLOWS = 500;
/** Bytes: the smallest object takes 16, and the compiler keeps a little of its own. */
const GROWTH = 8 * PACKETS;
/** At most. */
const ROUNDS = 4;
/** Longer than any flow here lives. */
const LATER = 600e9;

const NODE = '02:00:00:00:01:01';
const CLIENT = '02:00:00:00:01:02';
const POD = '02:00:00:00:02:02';

const topology = {
  namespaces: {
    r: {
      links: [
        { name: 'eth0', type: 'port', port: 'a', mac: NODE, addrs: ['10.0.1.1/24'] },
        { name: 'eth1', type: 'port', port: 'b', mac: '02:00:00:00:02:01', addrs: ['10.0.2.1/24'] },
      ],
      neigh: [
        { ip: '10.0.1.2', mac: CLIENT, dev: 'eth0' },
        { ip: '10.0.2.2', mac: POD, dev: 'eth1' },
      ],
    },
  },
  ports: { a: { ns: 'r', dev: 'eth0' }, b: { ns: 'r', dev: 'eth1' } },
};

const SERVICE = `*nat
-A PREROUTING -d 10.96.0.10/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.0.2.2:5353
-A POSTROUTING -o eth1 -j MASQUERADE
COMMIT
*filter
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -p udp -m udp --dport 9 -j REJECT
-A FORWARD -m limit --limit 5/sec -j LOG
COMMIT
`;

const frame = (dst: string, ttl: number, ...layers: readonly Layer[]): Uint8Array =>
  compose([{ ethernet: { src: CLIENT, dst: NODE } }, { ipv4: { src: '10.0.1.2', dst, ttl } }, ...layers], 'data');
const udp = (dst: string, dstPort: number, ttl = 64): Uint8Array[] =>
  Array.from({ length: FLOWS }, (_, i) => frame(dst, ttl, { udp: { srcPort: 10_000 + i, dstPort } }));

function inUse(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe.each(['linear', 'indexed'] as const)('%s', (lookup) => {
  test.each([
    ['forwarded', '', udp('10.0.2.2', 7)],
    ['translated', SERVICE, udp('10.96.0.10', 53)],
    ['rejected', SERVICE, udp('10.0.2.2', 9)],
    ['that die on the way', SERVICE, udp('10.0.2.2', 7, 1)],
    ['for a neighbour that does not answer', SERVICE, udp('10.0.2.77', 7)],
  ])('packets %s', (_, rules, frames) => {
    const lab = new Lab(labSource(topology, 'test', new Map([['r.rules', rules]])), { lookup, journal: false });
    const send = (packets: number): void => {
      for (let i = 0; i < packets; i++) lab.inject('a', frames[i % FLOWS]!);
      lab.advance(lab.clock.now + LATER);
    };
    send(PACKETS);
    // The compiler's own memory comes and goes; what packets leave behind is there in every round.
    let growth = Number.POSITIVE_INFINITY;
    for (let round = 0; round < ROUNDS && growth >= GROWTH; round++) {
      const before = inUse();
      send(PACKETS);
      growth = inUse() - before;
    }
    expect(growth).toBeLessThan(GROWTH);
    expect(lab.pool.live).toBe(0);
  });
});
