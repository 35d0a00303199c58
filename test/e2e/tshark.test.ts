/** tshark reads every capture that podwire writes: nothing malformed, no bad checksum, names and comments shown. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { replay } from '../../src/cli/replay.ts';
import { CaptureReader } from '../../src/pcap/capture-reader.ts';
import { PcapngWriter } from '../../src/pcap/pcapng-writer.ts';
import { areas, type KernelCase, readArea } from '../kernel/case.ts';
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

const complaintOf = ({ comment, complaint }: Row): string => `${comment} ${complaint.replace(/0x[0-9a-f]+/g, '0x..')}`;

/** Captures of several cases in one file, so that tshark is started once: sections may follow each other. */
class Captures {
  readonly path: string = join(scratch(), 'all.pcapng');
  private readonly owners: string[] = [];

  add(name: string, capture: Uint8Array): void {
    appendFileSync(this.path, capture);
    this.owners.push(...new Array<string>(packetsOf(capture)).fill(name));
  }

  /** Comments have the case's name in front. */
  read(): Row[] {
    const rows = read(this.path);
    expect(rows.length).toBe(this.owners.length);
    return rows.map((row, i) => ({ ...row, comment: `${this.owners[i]} ${row.comment}` }));
  }
}

/** The kernel's own frames as a capture. */
function goldenCapture(kase: KernelCase): Uint8Array {
  const chunks: Uint8Array[] = [];
  const writer = new PcapngWriter((chunk) => chunks.push(chunk));
  const device = writer.interface({ name: 'golden' });
  for (const { in: input, hex } of JSON.parse(kase.golden.get('out.json')!) as { in: number; hex: string }[]) {
    const frame = new Uint8Array(Buffer.from(hex, 'hex'));
    writer.packet(device, 0, 0, frame, 0, frame.length, frame.length, { comments: [`in=${input}`] });
  }
  writer.flush();
  return Buffer.concat(chunks);
}

/** What `podwire replay` writes for a case. */
async function replayed(kase: KernelCase): Promise<Uint8Array> {
  const dir = scratch();
  write(dir, kase.files);
  const out = join(dir, 'out.pcapng');
  const silence = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    expect(await replay([dir, '--out', out]), kase.name).toBe(0);
  } finally {
    silence.mockRestore();
  }
  return readFileSync(out);
}

function packetsOf(capture: Uint8Array): number {
  const reader = new CaptureReader();
  reader.push(capture);
  let count = 0;
  while (reader.nextPacket()) count++;
  return count;
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
    test(`captures of ${area}`, { timeout: 120_000 }, async () => {
      const [ours, kernels] = [new Captures(), new Captures()];
      for (const kase of readArea(area)) {
        ours.add(kase.name, await replayed(kase));
        kernels.add(kase.name, goldenCapture(kase));
      }
      const rows = ours.read();
      expect(countOf(ours.path)).toBe(rows.length);
      for (const { comment, device } of rows) {
        expect(comment).toMatch(/ in=\d+$/);
        expect(device).not.toBe('');
      }
      // What the kernel sent is not all to tshark's taste: broken frames pass a router, port 53 need not be DNS.
      const allowed = new Set(kernels.read().map(complaintOf));
      const complaints = rows.filter(({ complaint }) => complaint !== '');
      expect(complaints.filter((row) => !allowed.has(complaintOf(row)))).toEqual([]);
    });
  }
});
