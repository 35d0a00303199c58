/** Whatever is wrong with the input: exit status 2, one line that says where and what was expected, nothing half written. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type KernelCase, readArea } from '../kernel/case.ts';
import { podwire, scratch, write } from './podwire.ts';

const good: KernelCase = readArea('filter').find(({ name }) => name === 'filter-saddr-daddr')!;

type Files = ReadonlyMap<string, string | Uint8Array>;

/** A case directory made from the good one. */
function caseWith(change: Record<string, string | Uint8Array | undefined>): string {
  const dir = scratch();
  const files = new Map<string, string | Uint8Array>(good.files);
  for (const [name, content] of Object.entries(change)) {
    if (content === undefined) files.delete(name);
    else files.set(name, content);
  }
  write(dir, files as Files);
  return dir;
}

const topologyWith = (from: string | RegExp, to: string): string => {
  const text = good.files.get('topology.json') as string;
  const changed = text.replace(from, to);
  expect(changed).not.toBe(text);
  return changed;
};

const rules = (...lines: string[]): string => ['*filter', ...lines, 'COMMIT', ''].join('\n');

const capture = good.files.get('in.pcapng') as Uint8Array;

/** Replay a directory, and expect to be refused with one line. */
function refused(dir: string, ...args: string[]): string {
  const before = readdirSync(dir);
  const out = ['--out', 'out.pcapng', '--state', 'state'];
  const { status, stdout, stderr } = podwire(['replay', '.', ...out, ...args], dir);
  expect({ status, stdout, lines: stderr.trimEnd().split('\n').length, stderr }).toMatchObject({
    status: 2,
    stdout: '',
    lines: 1,
  });
  expect(readdirSync(dir)).toEqual(before);
  return stderr.trimEnd();
}

describe('captures', () => {
  test('a file that does not exist', () => {
    expect(refused(caseWith({}), '--in', 'no.pcap')).toBe('podwire: no.pcap: no such file or directory');
  });

  test('no capture at all', () => {
    expect(refused(caseWith({ 'in.pcapng': undefined }))).toBe(
      'podwire: .: no in.pcapng beside it, expected --in CAPTURE',
    );
  });

  test('a file that is no capture', () => {
    const dir = caseWith({ 'in.pcapng': 'hello, world' });
    expect(refused(dir)).toBe(
      'podwire: in.pcapng: byte 0: a file that begins with 0x68656c6c, expected a pcap or pcapng capture',
    );
  });

  test('an empty file', () => {
    expect(refused(caseWith({ 'in.pcapng': '' }))).toMatch(/^podwire: in\.pcapng: byte 0: an empty file, expected/);
  });

  test('a capture that is cut short', () => {
    const dir = caseWith({ 'in.pcapng': capture.subarray(0, capture.length - 5) });
    expect(refused(dir)).toMatch(/^podwire: in\.pcapng: byte \d+: the file ends .*of a block/);
  });

  test('an interface that is no port', () => {
    const renamed = capture.slice();
    // if_name "a" of the first interface: option 2, length 1.
    const at = renamed.findIndex((_, i) => renamed[i] === 2 && renamed[i + 2] === 1 && renamed[i + 4] === 0x61);
    renamed[at + 4] = 0x7a;
    const line = refused(caseWith({ 'in.pcapng': renamed }));
    expect(line).toBe('podwire: in.pcapng: unknown interface name "z", expected one of a, b, local:r');
  });

  test('a directory where a capture should be', () => {
    expect(refused(caseWith({}), '--in', '.')).toBe('podwire: .: is a directory, expected a capture');
  });
});

describe('rules', () => {
  test('a syntax error', () => {
    const dir = caseWith({ 'r.rules': rules('-A FORWARD -p tcp --dprot 80 -j ACCEPT') });
    expect(refused(dir)).toMatch(/^podwire: r\.rules:2:19: .*--dprot/);
  });

  test('a jump to a chain that is not there', () => {
    expect(refused(caseWith({ 'r.rules': rules('-A FORWARD -j NOWHERE') }))).toMatch(
      /^podwire: r\.rules:2:15: .*NOWHERE/,
    );
  });

  test('a loop of chains', () => {
    const dir = caseWith({ 'r.rules': rules(':A - [0:0]', ':B - [0:0]', '-A FORWARD -j A', '-A A -j B', '-A B -j A') });
    expect(refused(dir)).toMatch(/^podwire: r\.rules:\d+:\d+: .*loop/i);
  });

  test('a bad address', () => {
    expect(refused(caseWith({ 'r.rules': rules('-A FORWARD -s 10.0.0.256 -j DROP') }))).toMatch(
      /^podwire: r\.rules:2:15: not an address: 10\.0\.0\.256, expected/,
    );
  });

  test('an unknown match, unless it is left out and listed', () => {
    const dir = caseWith({ 'r.rules': rules('-A FORWARD -m telepathy -j DROP', '-A FORWARD -j ACCEPT') });
    expect(refused(dir)).toMatch(/^podwire: r\.rules:2:15: .*telepathy/);
    const { status, stderr } = podwire(['replay', '.', '--ignore-unknown'], dir);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^podwire: r\.rules:2:15: match telepathy.*left out.*\n/);
  });

  test('a table without an end', () => {
    expect(refused(caseWith({ 'r.rules': '*filter\n' }))).toMatch(/^podwire: r\.rules:2:1: .*expected COMMIT/);
  });

  test('rules of a namespace that is not there', () => {
    expect(refused(caseWith({ 'q.rules': rules() }))).toMatch(
      /^podwire: q\.rules: unknown namespace "q", expected one of r/,
    );
  });
});

describe('descriptions', () => {
  test('no description', () => {
    expect(refused(caseWith({ 'topology.json': undefined }))).toBe('podwire: topology.json: no such file or directory');
  });

  test('not JSON', () => {
    expect(refused(caseWith({ 'topology.json': '{ "namespaces": ' }))).toMatch(/^podwire: topology\.json:1:\d+: /);
  });

  test('a bad address', () => {
    const dir = caseWith({ 'topology.json': topologyWith('10.0.1.1/24', '10.0.1/24') });
    expect(refused(dir)).toMatch(
      /^podwire: topology\.json:\d+:\d+: namespaces\.r\.links\[0\]\.addrs\[0\]: found "10\.0\.1\/24", expected an .*address/,
    );
  });

  test('an unknown device', () => {
    const dir = caseWith({ 'topology.json': topologyWith('"dev": "eth0"', '"dev": "eth7"') });
    expect(refused(dir)).toMatch(
      /^podwire: topology\.json:\d+:\d+: .*\.dev: unknown device "eth7", expected one of lo, eth0, eth1/,
    );
  });

  test('a gateway that cannot be reached', () => {
    const dir = caseWith({
      'topology.json': topologyWith('"routes": []', '"routes": [{ "dst": "default", "via": "9.9.9.9" }]'),
    });
    expect(refused(dir)).toMatch(/^podwire: topology\.json:\d+:\d+: namespaces\.r\.routes\[0\]: /);
  });

  test('no such lab', () => {
    const { status, stderr } = podwire(['replay', 'nowhere'], scratch());
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'podwire: nowhere: no such file or directory, expected a case directory or a YAML file\n',
    });
  });

  test('YAML: the line is the one in the file, also for rules inside it', () => {
    const dir = scratch();
    const yaml = (rule: string) =>
      [
        'namespaces:',
        '  r:',
        '    links: []',
        '    rules: |',
        '      *filter',
        `      ${rule}`,
        '      COMMIT',
        '',
      ].join('\n');
    write(
      dir,
      new Map<string, string | Uint8Array>([
        ['lab.yaml', yaml('-A FORWARD -j NOWHERE')],
        ['in.pcapng', capture],
      ]),
    );
    const { status, stderr } = podwire(['replay', 'lab.yaml'], dir);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^podwire: lab\.yaml:6:21: .*NOWHERE.*\n$/);
  });
});

describe('usage', () => {
  const usage = (...args: string[]): string => {
    const { status, stdout, stderr } = podwire(args);
    expect({ status, stdout, lines: stderr.split('\n').length }).toEqual({ status: 2, stdout: '', lines: 2 });
    return stderr.trimEnd();
  };

  test('what is not understood is named', () => {
    expect(usage()).toBe('podwire: no command given, expected replay or demo (podwire --help)');
    expect(usage('reply')).toBe('podwire: unknown command reply, expected replay or demo (podwire --help)');
    expect(usage('--frob')).toBe('podwire: unknown option --frob, expected replay or demo (podwire --help)');
    expect(usage('replay')).toBe('podwire: replay needs a LAB: a case directory or a YAML file');
    expect(usage('replay', 'x', 'y')).toBe('podwire: unexpected argument y after x');
    expect(usage('replay', 'x', '--frob')).toBe("podwire: unknown option '--frob'");
    expect(usage('replay', 'x', '--lookup', 'fast')).toBe('podwire: --lookup fast, expected linear or indexed');
    expect(usage('replay', 'x', '--trace=xml')).toBe('podwire: --trace xml, expected text or json');
    expect(usage('replay', 'x', '--seed', '-1')).toMatch(/^podwire: /);
    expect(usage('replay', 'x', '--seed', 'one')).toBe(
      'podwire: --seed one, expected a whole number from 0 to 4294967295',
    );
    expect(usage('demo', 'now')).toBe('podwire: unexpected argument now after demo');
  });

  test('help and version', () => {
    expect(podwire(['--help'])).toMatchObject({ status: 0, stderr: '' });
    expect(podwire(['--help']).stdout).toContain('podwire replay LAB');
    expect(podwire(['--version']).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('an output that cannot be written', () => {
    const dir = caseWith({});
    const { status, stderr } = podwire(['replay', '.', '--out', 'no/such/out.pcapng'], dir);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'podwire: no/such/out.pcapng: no such file or directory\n',
    });
    expect(join(dir, 'no')).toSatisfy((path: string) => !readdirSync(dir).includes(path));
  });
});
