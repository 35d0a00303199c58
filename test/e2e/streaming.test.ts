/** A long capture through many rules: in constant memory, to the last packet. */
import { spawnSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readChunks } from '../../src/cli/files.ts';
import { CaptureReader } from '../../src/pcap/capture-reader.ts';
import { PcapngWriter } from '../../src/pcap/pcapng-writer.ts';
import { readArea } from '../kernel/case.ts';
import { inputsOf } from '../kernel/run-case.ts';
import { MAIN, scratch, write } from './podwire.ts';

const PACKETS = 100_000;
const RULES = 10_000;
/** Megabytes of JavaScript heap: far less than the capture and what comes out of it would take as objects. */
const HEAP_MB = 64;

function makeCase(): string {
  const dir = scratch();
  const kase = readArea('filter').find(({ name }) => name === 'filter-saddr-daddr')!;
  const rule = (i: number) =>
    `-A FORWARD -d 10.${50 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}/32 -p udp -m udp --dport 53 -j DROP`;
  const rules = ['*filter', ':FORWARD ACCEPT [0:0]', ...Array.from({ length: RULES }, (_, i) => rule(i)), 'COMMIT', ''];
  write(
    dir,
    new Map([
      ['topology.json', kase.files.get('topology.json')!],
      ['r.rules', rules.join('\n')],
    ]),
  );
  const frame = inputsOf(kase)
    .find(({ port, bytes }) => port === 'a' && bytes[23] === 17)!
    .bytes.slice();
  const chunks: Uint8Array[] = [];
  const writer = new PcapngWriter((chunk) => chunks.push(chunk));
  const device = writer.interface({ name: 'a' });
  for (let i = 0; i < PACKETS; i++)
    writer.packet(device, 1_700_000_000 + Math.floor(i / 1000), (i % 1000) * 1e6, frame, 0, frame.length);
  writer.flush();
  writeFileSync(join(dir, 'in.pcapng'), Buffer.concat(chunks));
  return dir;
}

test(`${PACKETS} packets through ${RULES} rules`, { timeout: 120_000 }, () => {
  const dir = makeCase();
  const args = [
    `--max-old-space-size=${HEAP_MB}`,
    MAIN,
    'replay',
    dir,
    '--out',
    join(dir, 'out.pcapng'),
    '--state',
    join(dir, 'state'),
  ];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect(stderr).toContain(`podwire: ${PACKETS} packets in, ${PACKETS} out; dropped: none\n`);
  expect(status).toBe(0);
  expect(statSync(join(dir, 'out.pcapng')).size).toBeGreaterThan(PACKETS * 60);
  const reader = new CaptureReader();
  let count = 0;
  for (const chunk of readChunks(join(dir, 'out.pcapng'))) {
    reader.push(chunk);
    while (reader.nextPacket()) count++;
  }
  reader.finish();
  expect(count).toBe(PACKETS);
});
