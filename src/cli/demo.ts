/** `podwire demo` (npm start): a pod calls a Service on a built-in node; every frame is traced and captured. @module */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Lab } from '../lab/lab.ts';
import { PACKET_INBOUND, PACKET_OUTBOUND } from '../pcap/block.ts';
import { CaptureOutput, Epoch } from './capture.ts';
import { reply, request } from './demo-frames.ts';
import { CLIENT, demoSource, SERVICE_ADDRESS, WEB } from './demo-lab.ts';
import { onFile } from './failure.ts';
import { TraceReport } from './trace-report.ts';
import { UsageError } from './usage.ts';

const DIRECTORY = 'pcap';
/** 2023-11-14 22:13:20 UTC: a run is a function of its input, so the time is part of it. */
const EPOCH_SECONDS = 1_700_000_000;
const MILLISECOND = 1e6;

const whatToLookAt = (path: string): string => `
The capture is in ${path}: four frames, on the two cables of the node (open it in Wireshark, or: tshark -r ${path}).
  1, 2  the same packet before and after the node: ${SERVICE_ADDRESS}:80 became the pod behind the Service (frame.packet_id)
  3, 4  the answer: its source was the pod, and is the Service again for the client
Each frame's comment (frame.comment) names the input that caused it and the rule that decided.
`;

/** @returns the exit status */
export async function demo(args: readonly string[]): Promise<number> {
  if (args.length > 0) throw new UsageError(`unexpected argument ${args[0]} after demo`);
  onFile(DIRECTORY, () => mkdirSync(DIRECTORY, { recursive: true }));
  const path = join(DIRECTORY, 'demo.pcapng');
  runDemo(path);
  process.stdout.write(whatToLookAt(path));
  return 0;
}

/** Run the demo's two packets and write the capture; the trace goes to stdout. */
function runDemo(path: string): void {
  const lab = new Lab(demoSource(), { trace: true });
  const epoch = new Epoch();
  epoch.since(EPOCH_SECONDS, 0);
  const output = new CaptureOutput(path, lab.ports, epoch);
  lab.onInput = (port, pkt, input) => output.frame(port, pkt, lab.clock.now, `in=${input}`, PACKET_INBOUND);
  const report = new TraceReport(lab, 'text');
  lab.onFrame = (port, pkt, input) => {
    const comment = [`in=${input}`, report.decidingRule(pkt.id) ?? ''].join(' ').trimEnd();
    output.frame(port, pkt, lab.clock.now, comment, PACKET_OUTBOUND);
    report.left(port, pkt);
  };
  try {
    lab.inject(CLIENT, request());
    report.flush();
    lab.inject(WEB, reply(), MILLISECOND);
    report.flush();
    output.commit();
  } finally {
    output.abandon();
  }
}
