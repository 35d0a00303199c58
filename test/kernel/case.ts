/** A case of the kernel corpus: the files that a kernel was told, and what it did. Bundled by area, gzipped. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

export interface KernelCase {
  readonly name: string;
  /** Inputs by file name: text, or bytes of a capture. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** Goldens by file name, all of them text. */
  readonly golden: ReadonlyMap<string, string>;
}

interface Stored {
  readonly files: Record<string, string>;
  readonly golden: Record<string, string>;
}

const CORPUS: URL = new URL('./corpus/', import.meta.url);
/** Goldens that are not compared: they are for information, or (sets) what is not emulated yet. */
const LEFT_OUT = /\.(snmp|conntrack)\.json$|^drops\.json$|\.pcapng$/;

/** The areas that have a bundle. */
export const areas = (): string[] =>
  readdirSync(CORPUS)
    .filter((name) => name.endsWith('.json.gz'))
    .map((name) => name.slice(0, -'.json.gz'.length))
    .sort();

/** The cases of one area. */
export function readArea(area: string): KernelCase[] {
  const text = gunzipSync(readFileSync(new URL(`${area}.json.gz`, CORPUS))).toString('utf8');
  return Object.entries(JSON.parse(text) as Record<string, Stored>).map(([name, stored]) => ({
    name,
    files: new Map(Object.entries(stored.files).map(([file, text]) => [file, decode(file, text)])),
    golden: new Map(Object.entries(stored.golden)),
  }));
}

const isCapture = (file: string): boolean => file.endsWith('.pcapng');

const decode = (file: string, text: string): string | Uint8Array =>
  isCapture(file) ? new Uint8Array(Buffer.from(text, 'hex')) : text;

/** A case directory. */
export function readCase(dir: string): KernelCase {
  const files = new Map<string, string | Uint8Array>();
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = readFileSync(join(dir, entry.name));
    files.set(entry.name, isCapture(entry.name) ? new Uint8Array(bytes) : bytes.toString('utf8'));
  }
  const golden = new Map<string, string>();
  const goldenDir = join(dir, 'golden');
  for (const name of existsSync(goldenDir) ? readdirSync(goldenDir) : []) {
    if (!LEFT_OUT.test(name)) golden.set(name, readFileSync(join(goldenDir, name), 'utf8'));
  }
  return { name: basename(dir), files, golden };
}

/** Cases as one gzipped bundle. Captures are hex: gzip finds repeated headers in it. */
export function bundle(cases: readonly KernelCase[]): Uint8Array {
  const stored: Record<string, Stored> = {};
  for (const { name, files, golden } of cases) {
    const texts = [...files].map(([file, content]) => [
      file,
      typeof content === 'string' ? content : Buffer.from(content).toString('hex'),
    ]);
    stored[name] = { files: Object.fromEntries(texts), golden: Object.fromEntries(golden) };
  }
  return gzipSync(JSON.stringify(stored), { level: 9 });
}
