/** What goes wrong for the user rather than in the program: errors that become one line, readers that go away. @module */
import { IpsetError } from '../ipset/error.ts';
import { LabError } from '../lab/shape.ts';
import { YamlError } from '../manifest/lab-yaml.ts';
import { ParseError } from '../netfilter/parse-error.ts';
import { CaptureError } from '../pcap/error.ts';
import { UsageError } from './usage.ts';

/** A file that cannot be read or written, or holds what it should not. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

const INPUT_ERRORS = [UsageError, InputError, LabError, YamlError, ParseError, IpsetError, CaptureError];

/** Is it the input's fault (exit status 2), not a fault of the program? */
export const isInputError = (error: unknown): error is Error => INPUT_ERRORS.some((kind) => error instanceof kind);

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EISDIR: 'is a directory, expected a file',
  ENOTDIR: 'not a directory',
  ENOSPC: 'no space left on device',
};

/** Run a file operation; what the system refuses becomes an InputError that names the file. */
export function onFile<T>(file: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || (error as NodeJS.ErrnoException).syscall === undefined) throw error;
    throw new InputError(`${file}: ${REASONS[code] ?? code}`);
  }
}

let readerGone = false;

/** Has the reader of stdout gone away (`podwire ... | head`)? */
export const hasReader = (): boolean => !readerGone;

/** A reader that goes away is no error: stop telling it. */
export function endQuietlyWithoutReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      readerGone = true;
    });
  }
}
