/** `podwire replay`: a described network and a capture in; the frames, counters and tables that Linux would have out. @module */
import { setImmediate } from 'node:timers/promises';
import { Lab } from '../lab/lab.ts';
import { reason, reasonName } from '../packet/reason.ts';
import { PACKET_OUTBOUND } from '../pcap/block.ts';
import { CaptureInput, CaptureOutput, Epoch } from './capture.ts';
import { hasReader, InputError } from './failure.ts';
import { writeTexts } from './files.ts';
import { LabFiles } from './lab-files.ts';
import { Progress } from './progress.ts';
import { parseReplay, type ReplayOptions } from './replay-options.ts';
import { TraceReport } from './trace-report.ts';

const CONSUMED = reason('CONSUMED');

/** Packets between two looks at the outside world: signals, the terminal, a reader that went away. */
const BATCH = 512;

/** Raised by a signal: what is half written is taken back. */
class Interrupted extends Error {
  readonly status: number;

  constructor(status: number) {
    super('interrupted');
    this.status = status;
  }
}

/** Signals during a run, asked for between batches. */
class Signals {
  private status = 0;
  private readonly onInterrupt = (): void => this.raise(130);
  private readonly onTerminate = (): void => this.raise(143);

  constructor() {
    process.on('SIGINT', this.onInterrupt);
    process.on('SIGTERM', this.onTerminate);
  }

  check(): void {
    if (this.status !== 0) throw new Interrupted(this.status);
  }

  release(): void {
    process.off('SIGINT', this.onInterrupt);
    process.off('SIGTERM', this.onTerminate);
  }

  private raise(status: number): void {
    this.status = status;
  }
}

function summary(lab: Lab, cut: number): string {
  const drops = new Map<string, number>();
  for (const { ns } of lab.namespaces.values()) {
    ns.drops.forEach((count, code) => {
      if (count > 0 && code !== CONSUMED) drops.set(reasonName(code), (drops.get(reasonName(code)) ?? 0) + count);
    });
  }
  const dropped = [...drops].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${count} ${reason}`);
  const lines = [`${lab.input + 1} packets in, ${lab.sent} out; dropped: ${dropped.join(', ') || 'none'}`];
  if (cut > 0) lines.push(`${cut} packets were cut short by the capture and went in as they are`);
  return lines.map((line) => `podwire: ${line}\n`).join('');
}

/** What one run has open. */
class Run {
  private readonly options: ReplayOptions;
  private readonly lab: Lab;
  private readonly input: CaptureInput;
  private readonly output: CaptureOutput | null;
  private readonly report: TraceReport | null;
  private readonly progress = new Progress();
  private readonly signals = new Signals();

  constructor(options: ReplayOptions, files: LabFiles) {
    const capture = options.in ?? files.capture;
    if (capture === undefined) throw new InputError(`${options.lab}: no in.pcapng beside it, expected --in CAPTURE`);
    const epoch = new Epoch();
    this.options = options;
    this.lab = files.explain(() => new Lab(files.source, labOptions(options)));
    for (const warning of this.lab.warnings) process.stderr.write(`podwire: ${warning}\n`);
    this.input = new CaptureInput(capture, this.lab, epoch);
    this.report = options.trace === undefined ? null : new TraceReport(this.lab, options.trace);
    this.output = options.out === undefined ? null : new CaptureOutput(options.out, this.lab.ports, epoch);
    this.lab.onFrame = (port, pkt, cause) => {
      const rule = this.report?.decidingRule(pkt.id);
      const comment = rule === undefined ? `in=${cause}` : `in=${cause} ${rule}`;
      this.output?.frame(port, pkt, this.lab.clock.now, comment, PACKET_OUTBOUND);
      this.report?.left(port, pkt);
    };
  }

  async go(): Promise<void> {
    const { lab, report } = this;
    let count = 0;
    for (const _ of this.input.packets()) {
      report?.flush();
      if (++count % BATCH === 0) await this.pause(count);
    }
    lab.finish();
    report?.flush();
    this.progress.clear();
    if (this.options.state !== undefined) writeTexts(this.options.state, lab.state());
    this.output?.commit();
    process.stderr.write(summary(lab, this.input.cut));
  }

  close(): void {
    this.progress.clear();
    this.signals.release();
    this.output?.abandon();
  }

  private async pause(count: number): Promise<void> {
    this.progress.update(count);
    await setImmediate();
    this.signals.check();
    const { out, state } = this.options;
    // `podwire ... | head`: nobody listens any more, and there is no file to finish.
    if (!hasReader() && out === undefined && state === undefined) throw new Interrupted(0);
  }
}

const labOptions = ({ lookup, backend, seed, ignoreUnknown, trace, state }: ReplayOptions) => ({
  ...(lookup === undefined ? {} : { lookup }),
  ...(backend === undefined ? {} : { backend }),
  ...(seed === undefined ? {} : { seed }),
  ignoreUnknown,
  trace: trace !== undefined,
  journal: state !== undefined,
});

/** @returns the exit status @throws for bad input, as failure.ts lists */
export async function replay(args: readonly string[]): Promise<number> {
  const options = parseReplay(args);
  const run = new Run(options, new LabFiles(options.lab));
  try {
    await run.go();
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return error.status;
    throw error;
  } finally {
    run.close();
  }
}
