/** What a lab did against what the kernel did. Every difference is a line to read. */
import { firstDifference, lines, sameAfter } from './text.ts';
import { badChecksum } from './validate.ts';

/** A frame that left a port: `in` is the index of the input that caused it. */
export interface Sent {
  readonly in: number;
  readonly port: string;
  readonly bytes: Uint8Array;
}

interface Mask {
  readonly off: number;
  readonly len: number;
  readonly field: string;
}

interface GoldenFrame {
  readonly in: number;
  readonly port: string;
  readonly hex: string;
  readonly mask?: readonly Mask[];
}

export type Describe = (frame: Uint8Array) => string;

const show = (frame: { in: number; port: string }, bytes: Uint8Array, describe: Describe): string =>
  `in=${frame.in} ${frame.port}> ${describe(bytes)}`;

/** The bytes at which two frames of one length differ, masked ones left out. */
function differingBytes(want: Uint8Array, got: Uint8Array, mask: readonly Mask[]): number[] {
  const bytes: number[] = [];
  for (let i = 0; i < want.length; i++) {
    if (want[i] !== got[i] && !mask.some(({ off, len }) => i >= off && i < off + len)) bytes.push(i);
  }
  return bytes;
}

function compareFrame(golden: GoldenFrame, got: Sent, describe: Describe): string | null {
  const want = new Uint8Array(Buffer.from(golden.hex, 'hex'));
  const mask = golden.mask ?? [];
  const wanted = show(golden, want, describe);
  if (golden.in !== got.in || golden.port !== got.port || want.length !== got.bytes.length) {
    return `frame\n  kernel ${wanted}\n  ours   ${show(got, got.bytes, describe)}`;
  }
  const bytes = differingBytes(want, got.bytes, mask);
  if (bytes.length > 0) {
    const hex = (from: Uint8Array) => bytes.slice(0, 8).map((i) => from[i]!.toString(16).padStart(2, '0'));
    const at = `bytes ${bytes.slice(0, 8).join(',')}: kernel ${hex(want).join(' ')}, ours ${hex(got.bytes).join(' ')}`;
    return `frame (${at})\n  kernel ${wanted}\n  ours   ${show(got, got.bytes, describe)}`;
  }
  // A masked checksum covers something random: it cannot be compared, but it must be right if the kernel's was.
  const masksChecksum = mask.some(({ field }) => field.endsWith('csum'));
  const bad = masksChecksum && badChecksum(want) === null ? badChecksum(got.bytes) : null;
  return bad === null ? null : `frame has a bad ${bad} checksum: ${show(got, got.bytes, describe)}`;
}

function byInput<T extends { readonly in: number }>(frames: readonly T[]): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const frame of frames) groups.set(frame.in, [...(groups.get(frame.in) ?? []), frame]);
  return groups;
}

/** Frames in order, input by input, so that one that is missing does not spoil the rest. */
export function compareFrames(goldenJson: string, got: readonly Sent[], describe: Describe): string[] {
  const golden = JSON.parse(goldenJson) as readonly GoldenFrame[];
  const [want, have] = [byInput(golden), byInput(got)];
  const differences: string[] = [];
  for (const input of [...new Set([...want.keys(), ...have.keys()])].sort((a, b) => a - b)) {
    const [wanted, had] = [want.get(input) ?? [], have.get(input) ?? []];
    for (let i = 0; i < Math.max(wanted.length, had.length); i++) {
      const [a, b] = [wanted[i], had[i]];
      if (a === undefined) differences.push(`frame too much\n  ours   ${show(b!, b!.bytes, describe)}`);
      else if (b === undefined) {
        differences.push(`frame missing\n  kernel ${show(a, Buffer.from(a.hex, 'hex'), describe)}`);
      } else {
        const difference = compareFrame(a, b, describe);
        if (difference !== null) differences.push(difference);
      }
    }
  }
  return differences;
}

/** Words of a connection; `key=*` stands for any value. */
function sameConnection(a: string, b: string): boolean {
  const [x, y] = [a.split(' '), b.split(' ')];
  return x.length === y.length && x.every((word, i) => word === y[i] || starred(word, y[i]!));
}

const starred = (a: string, b: string): boolean => {
  const [key, value] = a.split('=');
  const [otherKey, other] = b.split('=');
  return key === otherKey && (value === '*' || other === '*');
};

function compareConnections(want: readonly string[], got: readonly string[]): string | null {
  const at = want.findIndex((line, i) => !sameConnection(line, got[i] ?? ''));
  if (at < 0 && want.length === got.length) return null;
  const i = at < 0 ? want.length : at;
  return `line ${i + 1}\n  kernel ${want[i] ?? '(none)'}\n  ours   ${got[i] ?? '(none)'}`;
}

interface Walk {
  readonly in: number;
  readonly ns: Readonly<Record<string, readonly string[]>>;
}

function compareWalk(want: readonly Walk[], got: readonly Walk[]): string | null {
  for (const [i, step] of want.entries()) {
    for (const [ns, table] of Object.entries(step.ns)) {
      const difference = compareConnections(table, got[i]?.ns[ns] ?? []);
      if (difference !== null) return `in=${step.in} ${ns} ${difference}`;
    }
  }
  return want.length === got.length ? null : `${want.length} steps in the kernel's, ${got.length} in ours`;
}

const withoutId = (line: string): string => line.replace(/ ID=(\d+|\*)/g, ' ID=*');

/** Address, device and MAC: the state word depends on time. */
const neighbour = (line: string): string => line.replace(/ (REACHABLE|STALE|DELAY|PROBE|INCOMPLETE|FAILED)$/, '');

const logLines = (json: string): string[] =>
  (JSON.parse(json) as { in: number; line: string }[]).map((entry) => `in=${entry.in} ${withoutId(entry.line)}`);

const sendErrors = (json: string): string[] =>
  (JSON.parse(json) as { in: number; errno: number }[]).map((entry) => `in=${entry.in} errno=${entry.errno}`);

function compareText(name: string, want: string, got: string): string | null {
  if (name === 'ctwalk.json') return compareWalk(JSON.parse(want), JSON.parse(got || '[]'));
  if (name === 'log.json') return firstDifference(logLines(want), logLines(got || '[]'));
  if (name === 'senderr.json') return firstDifference(sendErrors(want), sendErrors(got || '[]'));
  if (name.endsWith('.conntrack')) return compareConnections(lines(want), lines(got));
  if (name.endsWith('.ipset')) return sameAfter(withoutTimeLeft, want, got);
  if (name.endsWith('.neigh')) return sameAfter(neighbour, want, got);
  if (name.endsWith('.recent.json')) return firstDifference(recentLines(want), recentLines(got || '{}'));
  return firstDifference(lines(want), lines(got));
}

/** Seconds that an element has left, by the wall clock. */
const withoutTimeLeft = (line: string): string => line.replace(/^(add .* timeout) [1-9]\d*/, '$1 *');

/** Lists of -m recent, sorted: the kernel prints them in the order of a random hash. */
const recentLines = (json: string): string[] =>
  Object.entries(JSON.parse(json) as Record<string, string[]>).flatMap(([name, list]) => [
    name,
    ...[...list].sort().map((line) => `${name} ${line}`),
  ]);

/**
 * All differences of one run, none when the lab did what the kernel did. `state` is what the lab says of itself, under the
 * names of the goldens.
 */
export function compareRun(
  golden: ReadonlyMap<string, string>,
  frames: readonly Sent[],
  state: ReadonlyMap<string, string>,
  describe: Describe,
): string[] {
  const differences = compareFrames(golden.get('out.json') ?? '[]', frames, describe);
  for (const [name, want] of golden) {
    if (name === 'out.json') continue;
    const difference = compareText(name, want, state.get(name) ?? '');
    if (difference !== null) differences.push(`${name}: ${difference}`);
  }
  return differences;
}
