/** Did the kernel and our lab do the same? And what is the smallest experiment in which they do not? */
import { compareRun } from '../compare.ts';
import { checksumsOver, type Field, fieldsOf } from '../oracle/fields.ts';
import { stateOf } from '../oracle/golden.ts';
import type { Answer, Job, Kernel } from '../oracle/kernel.ts';
import { describeFrame } from '../run-case.ts';
import { type Experiment, type Outcome, play } from './experiment.ts';
import type { Frame } from './packets.ts';

export function jobOf({ topology, texts, backend, frames }: Experiment): Job {
  const hex = frames.map(({ port, bytes }) => ({ port, hex: Buffer.from(bytes).toString('hex'), at: 0 }));
  return { topology, texts, backend, frames: hex };
}

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

const ICMP_TIMESTAMPREPLY = 14;
const RANDOM = /^(ip6?\.id|(icmp\.)?ip\.ts)$/;

/** Ids of packets that a kernel makes are by chance; ids that came in are not. */
function chance(frame: Uint8Array, input: Uint8Array): readonly Field[] {
  const all = fieldsOf(frame);
  const given = new Set(fieldsOf(input).map(({ off, len }) => String(input.slice(off, off + len))));
  const isClock = ({ field, off }: Field) => field === 'icmp.data' && frame[off - 8] === ICMP_TIMESTAMPREPLY;
  const random = all.filter(
    (field) =>
      (RANDOM.test(field.field) || isClock(field)) && !given.has(String(frame.slice(field.off, field.off + field.len))),
  );
  return random.length === 0 ? random : [...random, ...checksumsOver(random, all)];
}

/** Differences between what the kernel answered and what our lab did. */
export function differences(experiment: Experiment, answer: Answer, ours: Outcome): string[] {
  const golden = stateOf(answer, experiment.topology);
  const frames = answer.out.map((frame) => ({
    ...frame,
    mask: chance(bytesOf(frame.hex), experiment.frames[frame.in]?.bytes ?? new Uint8Array()),
  }));
  golden.set('out.json', JSON.stringify(frames));
  const sent = ours.out.map(({ in: input, port, hex }) => ({ in: input, port, bytes: bytesOf(hex) }));
  return compareRun(golden, sent, ours.state, describeFrame);
}

/** Asks both; an error of ours counts as a difference. */
export async function ask(kernel: Kernel, experiment: Experiment): Promise<string[]> {
  const answer = await kernel.ask(jobOf(experiment));
  try {
    return differences(experiment, answer, play(experiment, 'linear'));
  } catch (error) {
    return [(error as Error).stack ?? String(error)];
  }
}

/** As much as possible left out of a list while `stillFails`; at most `tries` questions. */
async function least<T>(
  list: readonly T[],
  stillFails: (list: readonly T[]) => Promise<boolean>,
  tries: number,
): Promise<readonly T[]> {
  let now = list;
  let left = tries;
  for (let size = Math.ceil(now.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < now.length && left > 0; left--) {
      const shorter = [...now.slice(0, at), ...now.slice(at + size)];
      if (await stillFails(shorter)) now = shorter;
      else at += size;
    }
  }
  return now;
}

/** What differs, without what is in it. */
export const kindOf = (found: readonly string[]): string => /^[\w. ]*/.exec(found[0] ?? '')![0].replace(/\d+/g, '');

const withoutEmptyTables = (text: string): string => text.replace(/^\*\w+\n(:.*\n)*COMMIT\n/gm, '');

/** A smaller experiment that still differs in the same kind of thing. */
export async function shrink(kernel: Kernel, experiment: Experiment, kind: string, tries = 70): Promise<Experiment> {
  const fails = async (smaller: Experiment): Promise<boolean> => {
    try {
      return kindOf(await ask(kernel, smaller)) === kind;
    } catch {
      return false;
    }
  };
  let now = experiment;
  const frames = await least<Frame>(now.frames, (list) => fails({ ...now, frames: list }), tries);
  now = { ...now, frames };
  for (const file of Object.keys(now.texts)) {
    const lines = now.texts[file]!.split('\n');
    const isRule = (line: string) => line.startsWith('-A') || line.startsWith('add');
    const rules = lines.filter(isRule);
    const without = (kept: readonly string[]): Experiment => {
      const left = [...kept];
      const text = lines.filter((line) => !isRule(line) || (line === left[0] && left.shift() !== undefined));
      return { ...now, texts: { ...now.texts, [file]: withoutEmptyTables(text.join('\n')) } };
    };
    now = without(await least(rules, (kept) => fails(without(kept)), tries));
  }
  return now;
}

/** An experiment to read. */
export function show(experiment: Experiment): string {
  const lines = [`seed ${experiment.seed}: ${experiment.shape}, ${experiment.backend}`];
  for (const [ns, config] of Object.entries(experiment.topology.namespaces)) {
    lines.push(`${ns}: ${JSON.stringify(config.sysctls ?? {})}`);
  }
  for (const [file, text] of Object.entries(experiment.texts)) lines.push(`--- ${file}`, text.trimEnd());
  experiment.frames.forEach(({ port, bytes }, i) => {
    lines.push(`#${i} ${port}< ${describeFrame(bytes)}`);
    if (experiment.frames.length < 10) lines.push(`   ${Buffer.from(bytes).toString('hex')}`);
  });
  return lines.join('\n');
}
