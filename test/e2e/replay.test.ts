/** `podwire replay` and `podwire demo` through the built command, as a user runs them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CaptureReader } from '../../src/pcap/capture-reader.ts';
import { type KernelCase, readArea } from '../kernel/case.ts';
import { compareRun, type Sent } from '../kernel/compare.ts';
import { describeFrame } from '../kernel/run-case.ts';
import { podwire, scratch, start, write } from './podwire.ts';

const find = (area: string, name: string): KernelCase => readArea(area).find((kase) => kase.name === name)!;

interface Frame extends Sent {
  readonly comment: string;
  readonly id: bigint | undefined;
  readonly flags: number;
}

function readFrames(file: string): Frame[] {
  const reader = new CaptureReader();
  reader.push(readFileSync(file));
  const frames: Frame[] = [];
  while (reader.nextPacket()) {
    const { cursor } = reader;
    const [comment] = cursor.comments();
    frames.push({
      in: Number(/^in=(\d+)/.exec(comment ?? '')?.[1]),
      port: reader.interfaces[cursor.interfaceId]!.name,
      bytes: cursor.data(),
      comment: comment!,
      id: cursor.packetId,
      flags: cursor.flags,
    });
  }
  reader.finish();
  return frames;
}

const readState = (dir: string): Map<string, string> =>
  new Map(readdirSync(dir).map((name) => [name, readFileSync(join(dir, name), 'utf8')]));

const CASES = [
  ['nat', 'nat-dnat-ipport'],
  ['filter', 'filter-log-legacy'],
  ['arp', 'arp-resolve'],
  ['kube', 'kube-nodeport'],
] as const;

describe('a case directory', () => {
  for (const [area, name] of CASES) {
    test(`${name}: the capture and the state are the kernel's`, () => {
      const kase = find(area, name);
      const dir = scratch();
      write(dir, kase.files);
      const { status, stdout, stderr } = podwire(['replay', '.', '--out', 'out.pcapng', '--state', 'state'], dir);
      expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
      expect(stderr).toMatch(/^podwire: \d+ packets in, \d+ out; dropped: .*\n$/);
      const frames = readFrames(join(dir, 'out.pcapng'));
      expect(compareRun(kase.golden, frames, readState(join(dir, 'state')), describeFrame)).toEqual([]);
      for (const { comment, flags } of frames)
        expect([comment, flags & 3]).toEqual([expect.stringMatching(/^in=\d+$/), 2]);
    });
  }

  test('two runs give the same bytes, traced or not, by either lookup', () => {
    const dir = scratch();
    write(dir, find('kube', 'kube-random-fully').files);
    const bytes = (...args: string[]) => {
      expect(podwire(['replay', '.', '--out', 'o', '--state', 's', ...args], dir).status).toBe(0);
      const comments = readFrames(join(dir, 'o')).map(({ port, bytes, id, in: input }) => [port, bytes, id, input]);
      return { comments, state: readState(join(dir, 's')) };
    };
    const first = bytes();
    expect(bytes()).toEqual(first);
    expect(bytes('--trace')).toEqual(first);
    expect(bytes('--lookup', 'linear')).toEqual(first);
  });

  test('a seed changes only what is left to chance', () => {
    const dir = scratch();
    write(dir, find('kube', 'kube-random-fully').files);
    const frames = (seed: string) => {
      podwire(['replay', '.', '--out', 'o', '--seed', seed], dir);
      return readFrames(join(dir, 'o'));
    };
    const [one, two] = [frames('1'), frames('2')];
    expect(two.map(({ port, in: input }) => [port, input])).toEqual(one.map(({ port, in: input }) => [port, input]));
    expect(two.map(({ bytes }) => bytes)).not.toEqual(one.map(({ bytes }) => bytes));
  });
});

describe('a trace', () => {
  const traced = (format: string) => {
    const dir = scratch();
    write(dir, find('nat', 'nat-dnat-ipport').files);
    const { status, stdout } = podwire(['replay', '.', '--out', 'o', '--trace', format], dir);
    expect(status).toBe(0);
    return { stdout, frames: readFrames(join(dir, 'o')) };
  };

  test('as text: a block per packet, with the rules by number and text', () => {
    const { stdout, frames } = traced('text');
    const blocks = stdout.trimEnd().split('\n\n');
    const inputs = find('nat', 'nat-dnat-ipport').files.get('in.pcapng') as Uint8Array;
    const reader = new CaptureReader();
    reader.push(inputs);
    let count = 0;
    while (reader.nextPacket()) count++;
    expect(blocks.length).toBe(count);
    expect(blocks[0]).toMatch(/^#0 a< 0\.000 ms {2}IP /);
    expect(blocks[0]).toMatch(/nat PREROUTING rule 1: .*-j DNAT --to-destination/);
    expect(frames[0]!.comment).toMatch(/^in=0 nat PREROUTING 1 .*-j DNAT --to-destination/);
  });

  test('as JSON: an object per line', () => {
    const { stdout } = traced('json');
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events[0]).toMatchObject({ in: 0, kind: 'arrived', port: 'a', time: 0 });
    expect(events.find(({ kind }) => kind === 'rule')).toMatchObject({
      in: 0,
      table: 'nat',
      chain: 'PREROUTING',
      number: 1,
    });
    expect(events.filter(({ kind }) => kind === 'left').length).toBeGreaterThan(0);
  });

  test('a reader that goes away ends it quietly', async () => {
    const dir = scratch();
    write(dir, find('random', 'rand-1').files);
    const child = start(['replay', '.', '--trace'], dir);
    let stderr = '';
    child.stderr!.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.stdout!.once('data', () => child.stdout!.destroy());
    const status = await new Promise((resolve) => child.on('exit', resolve));
    expect(status).toBe(0);
    expect(stderr).not.toContain('Error');
  });

  test('Ctrl-C leaves nothing half written', async () => {
    const dir = scratch();
    write(dir, find('random', 'rand-1').files);
    const child = start(['replay', '.', '--out', 'out.pcapng', '--trace'], dir);
    child.stdout!.once('data', () => child.kill('SIGINT'));
    child.stdout!.resume();
    const status = await new Promise((resolve) => child.on('exit', resolve));
    // A short run may be over before the signal comes.
    expect([0, 130]).toContain(status);
    expect(existsSync(join(dir, 'out.pcapng'))).toBe(status === 0);
    expect(readdirSync(dir).filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});

describe('demo', () => {
  test('writes the capture that pcap/ holds, and says where it lies', () => {
    const dir = scratch();
    const { status, stdout } = podwire(['demo'], dir);
    expect(status).toBe(0);
    expect(stdout).toContain('The capture is in pcap/demo.pcapng');
    expect(stdout).toMatch(/nat KUBE-SVC-\S+ .*-j KUBE-SEP-/);
    const kept = readFileSync(new URL('../../pcap/demo.pcapng', import.meta.url));
    expect(readFileSync(join(dir, 'pcap/demo.pcapng')).equals(kept)).toBe(true);
  });

  test('one packet each way, translated and translated back', () => {
    const dir = scratch();
    podwire(['demo'], dir);
    const frames = readFrames(join(dir, 'pcap/demo.pcapng'));
    expect(frames.map(({ port, bytes }) => `${port} ${describeFrame(bytes).split(' seq')[0]}`)).toEqual([
      'client IP 10.244.1.7.40000 > 10.96.14.20.80: Flags [S],',
      'web IP 10.244.1.7.40000 > 10.244.1.5.8080: Flags [S],',
      'web IP 10.244.1.5.8080 > 10.244.1.7.40000: Flags [S.],',
      'client IP 10.96.14.20.80 > 10.244.1.7.40000: Flags [S.],',
    ]);
    expect(frames.map(({ flags }) => flags & 3)).toEqual([1, 2, 1, 2]);
    expect(frames[0]!.id).toBe(frames[1]!.id);
    expect(frames[2]!.id).toBe(frames[3]!.id);
  });
});
