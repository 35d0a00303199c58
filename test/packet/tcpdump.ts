/** The frames of tcpdump.txt with the two lines that tcpdump printed for each. @module */
import { readFileSync } from 'node:fs';
import { bytesOf } from './bytes.ts';

export interface Printed {
  readonly frame: Uint8Array;
  readonly line: string;
  readonly linkLine: string;
}

const lines = readFileSync(new URL('tcpdump.txt', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
  .slice(1);

export const printed: readonly Printed[] = Array.from({ length: lines.length / 3 }, (_, i) => ({
  frame: bytesOf(lines[3 * i]!),
  line: lines[3 * i + 1]!.slice(2),
  linkLine: lines[3 * i + 2]!.slice(2),
}));
