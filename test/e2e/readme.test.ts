/** What README says, done: its example runs as it stands, its YAML is a lab. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { compose } from '../../src/packet/compose.ts';
import { PcapngWriter } from '../../src/pcap/pcapng-writer.ts';
import { podwire, scratch } from './podwire.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const block = (language: string): string => new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(readme)![1]!;

test('the embedding example runs and prints what it says', () => {
  const code = block('js');
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: root,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const promised = /\/\/ prints: (.*)/.exec(code)![1]!;
  const [printed, connection] = stdout.split('\n');
  expect(printed).toBe(promised);
  expect(connection).toMatch(/^ipv4 udp 17 \d+ src=10\.0\.1\.2 dst=10\.96\.0\.10 .*src=10\.0\.2\.2 dst=10\.0\.1\.2/);
});

test('the YAML is a lab', () => {
  const dir = scratch();
  writeFileSync(join(dir, 'lab.yaml'), block('yaml'));
  const frame = compose([
    { ethernet: { src: '02:00:00:00:01:02', dst: '02:00:00:00:01:01' } },
    { ipv4: { src: '10.0.1.2', dst: '10.0.1.1' } },
    { tcp: { srcPort: 4000, dstPort: 80, flags: 'S' } },
  ]);
  const chunks: Uint8Array[] = [];
  const writer = new PcapngWriter((chunk) => chunks.push(chunk));
  writer.packet(writer.interface({ name: 'a' }), 1, 0, frame, 0, frame.length);
  writer.flush();
  writeFileSync(join(dir, 'in.pcapng'), Buffer.concat(chunks));
  const { status, stdout, stderr } = podwire(['replay', 'lab.yaml', '--trace'], dir);
  expect({ status, stderr }).toEqual({ status: 0, stderr: 'podwire: 1 packets in, 1 out; dropped: none\n' });
  expect(stdout).toContain('b> IP 10.0.1.2.4000 > 10.0.2.2.8080: Flags [S]');
});
