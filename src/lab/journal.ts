/** What happens input by input and is told at the end: drops, log lines, failed sends, the connection table's walk. @module */
import { conntrackList } from '../conntrack/listing.ts';
import type { Netns } from '../net/netns.ts';
import { REASONS, reason, reasonName } from '../packet/reason.ts';
import type { LabNamespace } from './build.ts';

/** Reasons below this are no drops: a packet lives, or has done its work. */
const FIRST_DROP = reason('CONSUMED') + 1;

/** The words of errno values that a send can fail with. */
const ERRNO: Readonly<Record<number, string>> = {
  1: 'Operation not permitted',
  12: 'Cannot allocate memory',
  13: 'Permission denied',
  22: 'Invalid argument',
  90: 'Message too long',
  101: 'Network is unreachable',
  105: 'No buffer space available',
  113: 'No route to host',
};

/** A packet that died; `in` is the index of the input that was under way, -1 before the first. */
export interface Drop {
  readonly in: number;
  readonly reason: string;
  readonly ns: string;
}

/** A line that a rule logged. */
export interface LogLine {
  readonly in: number;
  readonly line: string;
}

/** A packet that its sender could not send; `errno` is positive. */
export interface SendError {
  readonly in: number;
  readonly errno: number;
  readonly text: string;
}

/** The connection tables after an input. */
export interface WalkStep {
  readonly in: number;
  /** Lines of each namespace's connection table. */
  readonly ns: Readonly<Record<string, readonly string[]>>;
}

/** Takes down what happens, input by input. */
export class Journal {
  readonly drops: Drop[] = [];
  readonly logs: LogLine[] = [];
  readonly sendErrors: SendError[] = [];
  readonly walk: WalkStep[] = [];
  private input = -1;
  private readonly namespaces: ReadonlyMap<string, LabNamespace>;
  private readonly walks: boolean;
  /** Drop counters of each namespace as they were. */
  private readonly seen: Map<Netns, Float64Array> = new Map();

  /** @param walks keep the connection tables after every input */
  constructor(namespaces: ReadonlyMap<string, LabNamespace>, walks: boolean) {
    this.namespaces = namespaces;
    this.walks = walks;
    for (const { ns } of namespaces.values()) this.seen.set(ns, ns.drops.slice());
  }

  log(line: string): void {
    this.logs.push({ in: this.input, line });
  }

  /** @param input index of the input that begins */
  beforeInput(input: number): void {
    this.collectDrops();
    this.input = input;
  }

  /** @param errno what the sender was told: 0, or negative */
  afterInput(errno: number): void {
    if (errno < 0) this.sendErrors.push({ in: this.input, errno: -errno, text: ERRNO[-errno] ?? `errno ${-errno}` });
    this.collectDrops();
    if (this.walks) this.walk.push({ in: this.input, ns: this.tables() });
  }

  /** Put down what has been dropped since the last call. */
  collectDrops(): void {
    for (const [ns, before] of this.seen) {
      for (let code = FIRST_DROP; code < REASONS; code++) {
        for (; before[code]! < ns.drops[code]!; before[code]!++) {
          this.drops.push({ in: this.input, reason: reasonName(code), ns: ns.name });
        }
      }
    }
  }

  private tables(): Record<string, readonly string[]> {
    return Object.fromEntries([...this.namespaces].map(([name, { conntrack }]) => [name, conntrackList(conntrack)]));
  }
}
