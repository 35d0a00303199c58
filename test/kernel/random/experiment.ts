/** An experiment: what a kernel and a lab are told, and what each did. Made from a seed, in a closed loop with our own lab. */
import { Lab } from '../../../src/lab/lab.ts';
import { labSource } from '../../../src/lab/source.ts';
import type { Topology } from '../../../src/lab/topology.ts';
import { Chooser } from './chooser.ts';
import { type Frame, Traffic } from './packets.ts';
import { randomTexts } from './rules.ts';
import { randomWorld } from './world.ts';

export interface Experiment {
  readonly seed: number;
  readonly shape: string;
  readonly backend: 'nft' | 'legacy';
  readonly topology: Topology;
  readonly texts: Readonly<Record<string, string>>;
  readonly frames: readonly Frame[];
}

export interface Sent {
  readonly in: number;
  readonly port: string;
  readonly hex: string;
}

export interface Outcome {
  readonly out: readonly Sent[];
  readonly state: ReadonlyMap<string, string>;
}

const MILLISECOND = 1e6;

const labOf = ({ topology, texts, backend }: Experiment, lookup: 'linear' | 'indexed'): Lab =>
  new Lab(labSource(topology, 'random', new Map(Object.entries(texts))), { lookup, backend });

export function listen(lab: Lab): Sent[] {
  const out: Sent[] = [];
  lab.onFrame = (port, pkt, input) => {
    out.push({ in: input, port, hex: Buffer.from(pkt.bytes.slice(pkt.data, pkt.end)).toString('hex') });
  };
  return out;
}

/** What our lab does. */
export function play(experiment: Experiment, lookup: 'linear' | 'indexed'): Outcome {
  const lab = labOf(experiment, lookup);
  const out = listen(lab);
  experiment.frames.forEach(({ port, bytes }, i) => {
    lab.inject(port, bytes, i * MILLISECOND);
  });
  lab.finish();
  return { out, state: lab.state() };
}

/** Rules that a kernel or a lab will not take are given by file name and text, and left out. */
export function withoutLine(
  texts: Readonly<Record<string, string>>,
  file: string,
  line: number,
): Record<string, string> {
  const lines = texts[file]!.split('\n');
  lines.splice(line - 1, 1);
  return { ...texts, [file]: lines.join('\n') };
}

/** World and rules of a seed, no frames yet. */
export function setting(seed: number): Experiment {
  const r = new Chooser(seed);
  const world = randomWorld(r);
  const backend = r.chance(50) ? 'nft' : 'legacy';
  return { seed, shape: world.shape, backend, topology: world.topology, texts: randomTexts(r, world), frames: [] };
}

/** Frames for a setting: each batch goes through our lab, and about half of what comes out is answered. */
export function withFrames(experiment: Experiment, count: number): Experiment {
  const world = randomWorld(new Chooser(experiment.seed));
  const r = new Chooser(experiment.seed ^ 0x5bd1e995);
  const traffic = new Traffic(r, world);
  const lab = labOf(experiment, 'indexed');
  const out = listen(lab);
  const frames: Frame[] = [];
  const put = (frame: Frame, depth: number): void => {
    if (frames.length >= count) return;
    const before = out.length;
    lab.inject(frame.port, frame.bytes, frames.length * MILLISECOND);
    frames.push(frame);
    for (const { port, hex } of out.slice(before)) {
      if (depth > 4 || !r.chance(depth < 2 ? 55 : 35)) continue;
      const answer = traffic.answer(port, new Uint8Array(Buffer.from(hex, 'hex')));
      if (answer !== null) put(answer, depth + 1);
    }
  };
  while (frames.length < count) {
    const some = traffic.some();
    for (const frame of some) put(frame, 0);
    if (frames.length > 0 && r.chance(6)) put(r.one(frames), 3);
  }
  return { ...experiment, frames };
}
