import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  PACKET_INBOUND,
  PACKET_OUTBOUND,
  PcapngWriter,
  readCapture,
  writePcap,
  writePcapng,
} from '../../src/pcap/index.ts';
import { hex, rewrite, SAMPLES, sample, written } from './support.ts';

const missing = ['tshark', 'capinfos', 'editcap'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
const reason = missing.length === 0 ? '' : ` (skipped: no ${missing.join(', ')} on this machine)`;

/** An ARP request, so that tshark has nothing to complain about. */
const ARP = hex(`ffffffffffff 020000000001 0806
  0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002`);
/** ICMP echo request 10.0.0.1 > 10.0.0.2. */
const ECHO = hex(`020000000002 020000000001 0800
  4500 001c 0001 4000 4001 26de 0a000001 0a000002  0800 f7fd 0001 0001`);

describe.skipIf(missing.length > 0)(`Wireshark's own tools${reason}`, () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'capture-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const file = (name: string, bytes: Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };
  const run = (tool: string, ...words: string[]): string =>
    execFileSync(tool, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const fields = (path: string, ...names: string[]): string[][] =>
    run('tshark', '-r', path, '-T', 'fields', '-E', 'aggregator=|', ...names.flatMap((name) => ['-e', name]))
      .split('\n')
      .slice(0, -1)
      .map((line) => line.split('\t'));
  const count = (path: string): number => Number(run('capinfos', '-M', '-T', '-r', '-c', path).trim().split('\t')[1]);

  const demo = (littleEndian: boolean): Uint8Array =>
    written((sink) => {
      const writer = new PcapngWriter(sink);
      writer.section({ littleEndian, application: 'podwire', comments: ['all of it'] });
      const eth0 = writer.interface({ name: 'node1:eth0', description: 'uplink', snapLength: 262_144 });
      const eth1 = writer.interface({ name: 'node1:veth1', snapLength: 262_144 });
      writer.names([{ address: hex('0a000001'), names: ['web-0.default.pod'] }]);
      const at = { seconds: 1_700_000_000, nanos: 123_456_789 };
      const flags = [PACKET_INBOUND, PACKET_OUTBOUND] as const;
      writer.packet(eth0, at.seconds, at.nanos, ARP, 0, ARP.length, ARP.length, {
        flags: flags[0],
        packetId: 7,
        comments: ['in=0', 'naïve → 𝄞'],
      });
      writer.packet(eth1, at.seconds, at.nanos + 1, ECHO, 0, ECHO.length, ECHO.length, {
        flags: flags[1],
        packetId: 2n ** 63n,
        queue: 3,
      });
      writer.statistics({ interfaceId: eth0, ...at, received: 1, comments: [], others: [] });
      writer.flush();
    });

  test.each([true, false])('show what was written (little endian: %s)', (littleEndian) => {
    const path = file(`demo-${littleEndian}.pcapng`, demo(littleEndian));
    expect(count(path)).toBe(2);
    const shown = fields(
      path,
      'frame.interface_name',
      'frame.time_epoch',
      'frame.comment',
      'frame.packet_flags_direction',
      'frame.packet_id',
      'frame.interface_description',
      '_ws.malformed',
    );
    expect(shown).toEqual([
      ['node1:eth0', '1700000000.123456789', 'in=0|naïve → 𝄞', '0x00000001', '7', 'uplink', ''],
      ['node1:veth1', '1700000000.123456790', '', '0x00000002', '9223372036854775808', '', ''],
    ]);
    expect(run('tshark', '-N', 'n', '-r', path)).toContain('web-0.default.pod');
    expect(run('capinfos', '-k', path)).toContain('all of it');
  });

  test('count what we count in every sample', () => {
    for (const name of SAMPLES) {
      const bytes = sample(name);
      expect(count(file(name, rewrite(bytes))), name).toBe(readCapture(bytes).packets.length);
    }
  });

  test('read the same times and interfaces as we do', () => {
    for (const name of SAMPLES) {
      const bytes = sample(name);
      const { packets, interfaces } = readCapture(bytes);
      const ours = packets.map(({ seconds, nanos, interfaceId }) => {
        return [`${seconds}.${`${nanos}`.padStart(9, '0')}`, interfaces[interfaceId]?.name];
      });
      const shown = fields(file(name, bytes), 'frame.time_epoch', 'frame.interface_name');
      const theirs = shown.map(([time, device]) => [time, device === 'Unknown interface' ? '' : device]);
      // Wireshark makes up a name where the file has none.
      expect(
        theirs.map(([time, device], i) => [time, ours[i]?.[1] === '' ? '' : device]),
        name,
      ).toEqual(ours);
    }
  });

  test('convert as we do', () => {
    const source = demo(true);
    const path = file('source.pcapng', source);
    run('editcap', '-F', 'nsecpcap', path, join(folder, 'theirs.pcap'));
    const ours = writePcap(readCapture(source));
    expect(new Uint8Array(readFileSync(join(folder, 'theirs.pcap')))).toEqual(ours);
    const back = file('back.pcapng', writePcapng(readCapture(ours)));
    expect(fields(back, 'frame.len', 'frame.time_epoch')).toEqual(fields(path, 'frame.len', 'frame.time_epoch'));
  });

  test('write again what we wrote, and we read it', () => {
    const source = demo(false);
    run('editcap', file('again.pcapng', source), join(folder, 'edited.pcapng'));
    const edited = readCapture(new Uint8Array(readFileSync(join(folder, 'edited.pcapng'))));
    const original = readCapture(source);
    expect(edited.packets).toEqual(original.packets);
    expect(edited.interfaces.map(({ name }) => name)).toEqual(['node1:eth0', 'node1:veth1']);
  });
});
