/** The Linux kernel of this machine, asked through record.py: one process for any number of questions. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Topology } from '../../../src/lab/topology.ts';

export interface Job {
  readonly topology: Topology;
  /** Rules and sets by file name. */
  readonly texts: Readonly<Record<string, string>>;
  readonly frames: readonly { readonly port: string; readonly hex: string; readonly at: number }[];
  readonly backend?: 'nft' | 'legacy';
}

/** Lines of /proc/net/nf_conntrack by namespace, `after` seconds. */
export interface Connections {
  readonly in: number;
  readonly after: number;
  readonly ns: Readonly<Record<string, readonly string[]>>;
}

export interface Answer {
  readonly out: readonly { readonly in: number; readonly port: string; readonly hex: string }[];
  readonly tables: Readonly<Record<string, string | Readonly<Record<string, readonly string[]>>>>;
  readonly connections: Connections;
  readonly walk: readonly Connections[];
  readonly timeouts: Readonly<Record<string, readonly number[]>>;
  readonly logs: readonly { readonly in: number; readonly line: string }[];
  readonly errors: readonly { readonly in: number; readonly errno: number; readonly text: string }[];
}

const RECORDER = fileURLToPath(new URL('./record.py', import.meta.url));
const TOOLS = ['ip', 'bridge', 'ipset', 'iptables-nft', 'iptables-legacy', 'ip6tables-nft', 'python3'];

/** Why the kernel cannot be asked here, or ''. */
export function obstacle(): string {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'not root on Linux';
  for (const tool of TOOLS) {
    if (spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0) return `no ${tool}`;
  }
  return spawnSync('unshare', ['-n', 'true']).status === 0 ? '' : 'no network namespaces';
}

/** Questions are answered one after another. */
export class Kernel {
  private readonly child: ChildProcess;
  private readonly answers: AsyncIterator<string>;
  private last: Promise<unknown> = Promise.resolve();

  constructor() {
    this.child = spawn('python3', [RECORDER], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.answers = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  /** @throws {Error} when the kernel's tools refuse the job */
  ask(job: Job): Promise<Answer> {
    const answer = this.last.then(() => this.put(job));
    this.last = answer.catch(() => undefined);
    return answer;
  }

  private async put(job: Job): Promise<Answer> {
    this.child.stdin!.write(`${JSON.stringify(job)}\n`);
    const { value, done } = await this.answers.next();
    if (done === true) throw new Error('record.py ended');
    const answer = JSON.parse(value as string) as Answer & { readonly error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  }

  close(): void {
    this.child.stdin!.end();
  }
}
