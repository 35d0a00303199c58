/** Files read and written: whole texts, captures in chunks, and outputs that appear complete or not at all. @module */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InputError, onFile } from './failure.ts';

export const isDirectory = (path: string): boolean => onFile(path, () => statSync(path)).isDirectory();

export const exists = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/** A text file. @throws {InputError} */
export const readText = (path: string): string => onFile(path, () => readFileSync(path, 'utf8'));

/** The names of the files in a directory, sorted. @throws {InputError} */
export const listFiles = (path: string): string[] =>
  onFile(path, () => readdirSync(path, { withFileTypes: true }))
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => entry.name)
    .sort();

const CHUNK = 256 * 1024;

/** The bytes of a file, chunk by chunk; the buffer is used again for the next one. @throws {InputError} */
export function* readChunks(path: string): Generator<Uint8Array> {
  if (isDirectory(path)) throw new InputError(`${path}: is a directory, expected a capture`);
  const file = onFile(path, () => openSync(path, 'r'));
  const buffer = new Uint8Array(CHUNK);
  try {
    for (;;) {
      const length = onFile(path, () => readSync(file, buffer));
      if (length === 0) return;
      yield buffer.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}

/** A file under way: it stands under another name until `commit`, so that nobody ever sees half of it. */
export class OutputFile {
  private readonly path: string;
  private readonly temporary: string;
  private readonly file: number;
  private readonly pending = new Uint8Array(CHUNK);
  private used = 0;
  private open = true;

  /** @throws {InputError} when it cannot be written */
  constructor(path: string) {
    this.path = path;
    this.temporary = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
    if (exists(path) && isDirectory(path)) throw new InputError(`${path}: is a directory, expected a file`);
    this.file = onFile(path, () => openSync(this.temporary, 'w'));
  }

  write(bytes: Uint8Array): void {
    if (this.used + bytes.length > CHUNK) this.flush();
    if (bytes.length > CHUNK) {
      this.put(bytes);
    } else {
      this.pending.set(bytes, this.used);
      this.used += bytes.length;
    }
  }

  /** All is written: give the file its name. */
  commit(): void {
    this.flush();
    this.close();
    onFile(this.path, () => renameSync(this.temporary, this.path));
  }

  /** It will not be finished: leave nothing behind. After `commit` this does nothing. */
  abandon(): void {
    if (!this.open) return;
    this.close();
    rmSync(this.temporary, { force: true });
  }

  private flush(): void {
    this.put(this.pending.subarray(0, this.used));
    this.used = 0;
  }

  private put(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      at += onFile(this.path, () => writeSync(this.file, bytes, at));
    }
  }

  private close(): void {
    this.open = false;
    closeSync(this.file);
  }
}

/** Write texts into a directory, which is made when it is not there; each appears complete. @throws {InputError} */
export function writeTexts(dir: string, texts: ReadonlyMap<string, string>): void {
  onFile(dir, () => mkdirSync(dir, { recursive: true }));
  const files: OutputFile[] = [];
  try {
    for (const [name, text] of texts) {
      const file = new OutputFile(join(dir, name));
      files.push(file);
      file.write(Buffer.from(text));
    }
    for (const file of files) file.commit();
  } finally {
    for (const file of files) file.abandon();
  }
}
