/** tshark reads every capture that podwire writes: nothing malformed, no bad checksum, names and comments shown. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { areas, readArea } from '../kernel/case.ts';
import { inputsOf } from '../kernel/run-case.ts';
import { badChecksum } from '../kernel/validate.ts';
import { podwire, scratch, write } from './podwire.ts';

const present = ['tshark', 'capinfos'].every((tool) => spawnSync(tool, ['--version']).status === 0);

const CHECKS = ['ip.check_checksum', 'tcp.check_checksum', 'udp.check_checksum'].flatMap((name) => [
  '-o',
  `${name}:TRUE`,
]);
const FIELDS = ['frame.interface_name', 'frame.comment', '_ws.expert.message', '_ws.malformed'];

interface Row {
  readonly device: string;
  readonly comment: string;
  readonly complaint: string;
}

function read(capture: string): Row[] {
  const fields = FIELDS.flatMap((name) => ['-e', name]);
  const args = ['-r', capture, '-n', ...CHECKS, '-T', 'fields', '-E', 'separator=/t', '-E', 'aggregator=;', ...fields];
  const { status, stdout, stderr } = spawnSync('tshark', args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  expect({ status, stderr: stderr.replace(/^Running as user.*\n/, '') }).toEqual({ status: 0, stderr: '' });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [device, comment, expert, malformed] = line.split('\t');
      const complaints = (expert ?? '').split(';').filter((message) => /checksum|malformed/i.test(message));
      return {
        device: device!,
        comment: comment ?? '',
        complaint: [...complaints, malformed ?? ''].join(';').replace(/^;|;$/g, ''),
      };
    });
}

function countOf(capture: string): number {
  const { stdout } = spawnSync('capinfos', ['-T', '-r', '-c', '-M', capture], { encoding: 'utf8' });
  return Number(stdout.trim().split('\t')[1]);
}

describe.skipIf(!present)(`tshark${present ? '' : ' (skipped: not installed)'}`, () => {
  test('demo', () => {
    const dir = scratch();
    expect(podwire(['demo'], dir).status).toBe(0);
    const rows = read(join(dir, 'pcap/demo.pcapng'));
    expect(rows.map(({ device, complaint }) => [device, complaint])).toEqual([
      ['client', ''],
      ['web', ''],
      ['web', ''],
      ['client', ''],
    ]);
    expect(rows[1]!.comment).toMatch(/^in=0 nat KUBE-SEP-\S+ 2 .*DNAT/);
    expect(countOf(join(dir, 'pcap/demo.pcapng'))).toBe(4);
  });

  for (const area of areas()) {
    test(`captures of ${area}`, { timeout: 120_000 }, () => {
      for (const kase of readArea(area)) {
        const dir = scratch();
        write(dir, kase.files);
        const out = join(dir, 'out.pcapng');
        expect(podwire(['replay', dir, '--out', out]).status, kase.name).toBe(0);
        const rows = read(out);
        expect(rows.length, kase.name).toBe(countOf(out));
        const inputs = inputsOf(kase);
        for (const { comment, device, complaint } of rows) {
          expect(comment).toMatch(/^in=\d+$/);
          expect(device).not.toBe('');
          // A router forwards what came in broken as it is.
          const cause = inputs[Number(comment.slice(3))]!.bytes;
          if (complaint !== '' && badChecksum(cause) === null) expect(`${kase.name} ${comment}: ${complaint}`).toBe('');
        }
      }
    });
  }
});
