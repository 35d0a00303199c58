/** Answers of a kernel, as the goldens of a case: the same words for the same thing, and masks over what is random. */
import type { Topology } from '../../../src/lab/topology.ts';
import { checksumsOver, type Field, fieldsOf } from './fields.ts';
import type { Answer, Connections } from './kernel.ts';

const withoutComments = (text: string): string => text.replace(/^#.*\n/gm, '');

const sortedLines = (text: string, keep: (line: string) => boolean = () => true): string =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && keep(line))
    .sort()
    .map((line) => `${line}\n`)
    .join('');

const GROUPS = /^(33:33|01:00:5e|01:80:c2):/;

const TABLES: Readonly<Record<string, (text: string) => string>> = {
  counters: withoutComments,
  counters6: withoutComments,
  fdb: (text) => sortedLines(text, (line) => !GROUPS.test(line)),
  neigh: (text) => sortedLines(text, (line) => !/PERMANENT|NOARP/.test(line)),
  ipset: (text) => sortedLines(text.replace(/ initval 0x[\da-f]+/g, '')),
};

const recentLine = (line: string): string =>
  line.replace(/last_seen: \d+/, 'last_seen: *').replace(/(oldest_pkt: \d+).*/, '$1');

/** JSON with a blank behind every `:` and `,`. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}: ${spaced(field)}`);
  return `{${fields.join(', ')}}`;
}

const jsonList = (list: readonly unknown[]): string => `[\n${list.map((item) => spaced(item)).join(',\n')}\n]\n`;

/** Of a connection's line: what does not run with time, with the timeout that the entry was given last. */
function connectionLine(line: string, after: number, timeouts: readonly number[]): string {
  const words = line
    .trim()
    .split(/\s+/)
    .filter((word) => !/^(use|secctx|delta-time|timeout|stream_timeout)=/.test(word));
  // A zone of one direction stands within it.
  const isZone = (word: string) => word.startsWith('zone');
  const [family, , ...rest] = [...words.filter((word) => !isZone(word)), ...words.filter(isZone)];
  if (!/^\d+$/.test(rest[2]!)) return [family, ...rest.slice(0, 2), '-', ...rest.slice(2)].join(' ').trim();
  const left = Number(rest[2]);
  const given = timeouts.filter((timeout) => timeout >= left && timeout - left <= after + 1.01);
  rest[2] = String(given.length === 0 ? left : Math.min(...given));
  return [family, ...rest].join(' ').trim();
}

/** Protocol, then the original tuple word by word: it is never random. */
function connectionKey(line: string): string[] {
  const words = line.split(' ');
  const fields = words.slice(3).filter((word) => word.includes('=') && !/^(packets|bytes)=/.test(word));
  const second = fields.findIndex((word, i) => i > 0 && word.startsWith('src='));
  const zones = words.filter((word) => word.startsWith('zone'));
  return [words[2]!.padStart(3, '0'), ...fields.slice(0, second).sort(), ...zones];
}

function compareKeys(a: readonly string[], b: readonly string[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
  }
  return a.length - b.length;
}

function tablesAt(at: Connections, timeouts: Answer['timeouts']): Record<string, string[]> {
  const entries = Object.entries(at.ns).map(([ns, lines]): [string, string[]] => {
    const normal = lines.map((line) => connectionLine(line, at.after, timeouts[ns]!));
    return [
      ns,
      normal
        .map((line) => ({ line, key: connectionKey(line) }))
        .sort((a, b) => compareKeys(a.key, b.key))
        .map(({ line }) => line),
    ];
  });
  return Object.fromEntries(entries);
}

/** The goldens of one answer, without frames. */
export function stateOf(answer: Answer, topology: Topology): Map<string, string> {
  const golden = new Map<string, string>();
  for (const [name, table] of Object.entries(answer.tables)) {
    const text = typeof table === 'string' ? TABLES[name.slice(name.lastIndexOf('.') + 1)]!(table) : recentJson(table);
    if (text !== '') golden.set(name, text);
  }
  for (const [ns, lines] of Object.entries(tablesAt(answer.connections, answer.timeouts))) {
    golden.set(`${ns}.conntrack`, lines.map((line) => `${line}\n`).join(''));
  }
  if (topology.log === true) {
    const withoutId = (line: string) => (line.includes('ID=0') ? line : line.replace(/ ID=\d+/g, ' ID=*'));
    golden.set('log.json', jsonList(answer.logs.map((entry) => ({ in: entry.in, line: withoutId(entry.line) }))));
  }
  if (answer.errors.length > 0)
    golden.set('senderr.json', `${JSON.stringify(answer.errors, null, 1).replace(/^ +/gm, '')}\n`);
  if (answer.walk.length > 0) {
    golden.set('ctwalk.json', jsonList(answer.walk.map((at) => ({ in: at.in, ns: tablesAt(at, answer.timeouts) }))));
  }
  return golden;
}

function recentJson(lists: Readonly<Record<string, readonly string[]>>): string {
  const sorted = Object.entries(lists).sort(([a], [b]) => (a < b ? -1 : 1));
  const timeless = sorted.map(([name, lines]) => [name, lines.map(recentLine)]);
  return `${JSON.stringify(Object.fromEntries(timeless), null, 1).replace(/^ +/gm, '')}\n`;
}

const ALWAYS_RANDOM = ['ip.id', 'ip.ts', 'ip6.id'];

interface Chance {
  /** Fields that may be random. */
  readonly allow: readonly string[];
  /** Fields that always are. */
  readonly mask: readonly string[];
  /** UDP ports to which a tunnel sends from a port of its choice. */
  readonly tunnels: readonly number[];
}

export function chanceOf(topology: Topology): Chance {
  const { allow_random = [], mask = [] } = topology as { allow_random?: string[]; mask?: string[] };
  const links = Object.values(topology.namespaces).flatMap((ns) => ns.links);
  const tunnels = links.flatMap((link) =>
    link.type === 'vxlan' && link.srcport === undefined ? [link.dstport ?? 4789] : [],
  );
  return { allow: [...ALWAYS_RANDOM, ...allow_random], mask, tunnels };
}

const baseName = (field: string): string => field.replace(/^in\./, '').replace(/^icmp\.(?=\w+\.)/, '');

/** Which fields of a frame are random, from what several runs say of it. */
function masksOf(frames: readonly Uint8Array[], chance: Chance): { mask: Field[]; rest: number[] } {
  const first = frames[0]!;
  const differs = [...first.keys()].filter((i) => frames.some((other) => other[i] !== first[i]));
  const all = fieldsOf(first);
  const inside = (field: Field) => differs.some((i) => i >= field.off && i < field.off + field.len);
  const isTunnel = ({ field, off }: Field) =>
    field === 'udp.sport' && chance.tunnels.includes((first[off + 2]! << 8) | first[off + 3]!);
  const may = ({ field }: Field) => {
    const base = baseName(field);
    const isQuoted = field.includes('icmp.') && field.endsWith('.dport');
    const names = isQuoted ? [base, base.replace('dport', 'sport')] : [base, field];
    return names.some((name) => chance.allow.includes(name));
  };
  const random = all.filter(
    (field) => chance.mask.includes(field.field) || isTunnel(field) || (inside(field) && may(field)),
  );
  const over: Field[] = [];
  // A checksum inside another's reach: until there are no more.
  for (let more = checksumsOver(random, all); more.length > over.length; ) {
    over.splice(0, over.length, ...more);
    more = checksumsOver([...random, ...over], all);
  }
  const isOff = ({ field, off }: Field) => field.endsWith('udp.csum') && first[off] === 0 && first[off + 1] === 0;
  const mask = [...random, ...over.filter((field) => !isOff(field) && !random.includes(field))];
  mask.sort((a, b) => a.off - b.off);
  const covered = (i: number) => mask.some(({ off, len }) => i >= off && i < off + len);
  return { mask, rest: differs.filter((i) => !covered(i)) };
}

export interface Recorded {
  readonly golden: Map<string, string>;
  /** Why the runs do not make a golden, none when they do. */
  readonly problems: readonly string[];
}

/** Several answers to one question as goldens. */
export function goldenOf(answers: readonly Answer[], topology: Topology): Recorded {
  const chance = chanceOf(topology);
  const shape = ({ out }: Answer) => out.map(({ in: input, port, hex }) => `${input} ${port} ${hex.length}`).join();
  if (answers.some((answer) => shape(answer) !== shape(answers[0]!))) {
    return { golden: new Map(), problems: ['other frames in every run'] };
  }
  const problems: string[] = [];
  const frames = answers[0]!.out.map((frame, i) => {
    const copies = answers.map(({ out }) => new Uint8Array(Buffer.from(out[i]!.hex, 'hex')));
    const { mask, rest } = masksOf(copies, chance);
    if (rest.length > 0) problems.push(`frame ${i} (in ${frame.in}): random bytes ${rest.slice(0, 8).join(',')}`);
    return mask.length === 0 ? frame : { ...frame, mask };
  });
  const states = answers.map((answer) => stateOf(answer, topology));
  const golden = states[0]!;
  for (const name of golden.keys()) {
    const starred = starOut(
      states.map((state) => state.get(name) ?? ''),
      chance,
    );
    if (starred === null) problems.push(`${name} differs from run to run`);
    else golden.set(name, starred);
  }
  return { golden: new Map([['out.json', jsonList(frames)], ...golden]), problems };
}

const REPLY_FIELDS = ['sport', 'dport', 'id'];

/** One text of several: ports and ids of connections that may be random become `*`. Null when more differs. */
function starOut(texts: readonly string[], { allow, mask }: Chance): string | null {
  const first = texts[0]!;
  const random = ['tcp.sport', 'udp.sport', 'icmp.id'];
  const isForced = random.some((name) => mask.includes(name));
  if (texts.every((text) => text === first) && !isForced) return first;
  const tokens = texts.map((text) => text.split(/(?<=[\s"])|(?=[\s"])/));
  if (tokens.some((list) => list.length !== tokens[0]!.length)) return null;
  if (!random.some((name) => allow.includes(name)) && !isForced) return withoutState(texts);
  const merged = tokens[0]!.map((word, i) => {
    const same = tokens.every((list) => list[i] === word);
    const key = word.slice(0, word.indexOf('='));
    return same || !REPLY_FIELDS.includes(key) ? word : `${key}=*`;
  });
  return tokens.every((list) => list.every((word, i) => word === merged[i] || merged[i]!.endsWith('=*')))
    ? merged.join('')
    : null;
}

/** The state word of a neighbour depends on time, the ids in a log line on chance. */
function withoutState(texts: readonly string[]): string | null {
  const plain = texts.map((text) =>
    text.replace(/ (REACHABLE|STALE|DELAY|PROBE|INCOMPLETE|FAILED)$/gm, '').replace(/ ID=\d+/g, ''),
  );
  return plain.every((text) => text === plain[0]) ? texts[0]! : null;
}
