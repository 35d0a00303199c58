/** Runs a case through a lab and says where it differs from the kernel. */
import { type Lab, Lab as LabOf } from '../../src/lab/lab.ts';
import { readCase as readSource } from '../../src/lab/source.ts';
import { describe } from '../../src/packet/describe.ts';
import { CaptureReader } from '../../src/pcap/capture-reader.ts';
import type { KernelCase } from './case.ts';
import { compareRun, type Sent } from './compare.ts';

export type Lookup = 'linear' | 'indexed';

export interface CaseRun {
  readonly lab: Lab;
  readonly frames: readonly Sent[];
  readonly state: ReadonlyMap<string, string>;
}

export interface Input {
  readonly port: string;
  readonly bytes: Uint8Array;
  /** Nanoseconds since the first input. */
  readonly at: number;
  /** Of the first input, seconds since 1970. */
  readonly epoch: number;
}

/** The frames of a capture, with the ports that its interfaces name. */
export function readInputs(capture: Uint8Array): Input[] {
  const reader = new CaptureReader();
  reader.push(capture);
  const inputs: Input[] = [];
  let [firstSeconds, firstNanos] = [0, 0];
  while (reader.nextPacket()) {
    const { cursor } = reader;
    if (inputs.length === 0) [firstSeconds, firstNanos] = [cursor.seconds, cursor.nanos];
    const at = (cursor.seconds - firstSeconds) * 1e9 + cursor.nanos - firstNanos;
    inputs.push({ port: reader.interfaces[cursor.interfaceId]!.name, bytes: cursor.data(), at, epoch: firstSeconds });
  }
  reader.finish();
  return inputs;
}

export const inputsOf = (kase: KernelCase): Input[] => readInputs(kase.files.get('in.pcapng') as Uint8Array);

/** Everything the lab did with the inputs of a case. */
export function runLab(kase: KernelCase, lookup: Lookup, trace = false): CaseRun {
  const texts = new Map([...kase.files].filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
  const lab = new LabOf(readSource(texts), { lookup, trace });
  const frames: Sent[] = [];
  lab.onFrame = (port, pkt, input) => {
    frames.push({ in: input, port, bytes: pkt.bytes.slice(pkt.data, pkt.end) });
  };
  for (const { port, bytes, at, epoch } of inputsOf(kase)) {
    lab.epochSeconds = epoch;
    lab.inject(port, bytes, at);
  }
  lab.finish();
  return { lab, frames, state: lab.state() };
}

/** A frame as one line, whatever it holds. */
export function describeFrame(frame: Uint8Array): string {
  return describe(new DataView(frame.buffer, frame.byteOffset, frame.byteLength), 0, frame.length);
}

/** Differences from the kernel, none when there are none. */
export function differences(kase: KernelCase, lookup: Lookup): string[] {
  const { frames, state } = runLab(kase, lookup);
  return compareRun(kase.golden, frames, state, describeFrame);
}
