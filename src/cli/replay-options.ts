/** The words after `podwire replay`. @module */
import { parseArgs } from 'node:util';
import { UsageError } from './usage.ts';

/** How a trace is printed. */
export type TraceFormat = 'text' | 'json';

/** The options of `podwire replay`. */
export interface ReplayOptions {
  readonly lab: string;
  readonly in?: string;
  readonly out?: string;
  readonly state?: string;
  readonly trace?: TraceFormat;
  readonly lookup?: 'linear' | 'indexed';
  readonly backend?: 'nft' | 'legacy';
  /** uint32. */
  readonly seed?: number;
  readonly ignoreUnknown: boolean;
}

const OPTIONS = {
  in: { type: 'string' },
  out: { type: 'string' },
  state: { type: 'string' },
  trace: { type: 'string' },
  lookup: { type: 'string' },
  backend: { type: 'string' },
  seed: { type: 'string' },
  'ignore-unknown': { type: 'boolean' },
} as const;

/** The format after `--trace` may be left out: then it is text. */
function completeTrace(args: readonly string[]): string[] {
  const words: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const next = args[i + 1];
    if (args[i] !== '--trace') words.push(args[i]!);
    else if (next === 'text' || next === 'json') words.push(`--trace=${args[++i]}`);
    else words.push('--trace=text');
  }
  return words;
}

function parseWords(args: readonly string[]) {
  try {
    return parseArgs({ args: completeTrace(args), options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code?.startsWith('ERR_PARSE_ARGS') !== true) throw error;
    throw new UsageError(message.split(/[.\n] ?/)[0]!.replace(/^U/, 'u'));
  }
}

function choice<T extends string>(option: string, value: string | undefined, choices: readonly T[]): T | undefined {
  if (value === undefined || choices.includes(value as T)) return value as T | undefined;
  throw new UsageError(`--${option} ${value}, expected ${choices.join(' or ')}`);
}

function parseSeed(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const seed = Number(value);
  if (/^\d+$/.test(value) && seed <= 0xffff_ffff) return seed;
  throw new UsageError(`--seed ${value}, expected a whole number from 0 to 4294967295`);
}

/** @throws {UsageError} */
export function parseReplay(args: readonly string[]): ReplayOptions {
  const { values, positionals } = parseWords(args);
  const [lab, extra] = positionals;
  if (lab === undefined) throw new UsageError('replay needs a LAB: a case directory or a YAML file');
  if (extra !== undefined) throw new UsageError(`unexpected argument ${extra} after ${lab}`);
  const given = {
    in: values.in,
    out: values.out,
    state: values.state,
    trace: choice('trace', values.trace, ['text', 'json']),
    lookup: choice('lookup', values.lookup, ['linear', 'indexed']),
    backend: choice('backend', values.backend, ['nft', 'legacy']),
    seed: parseSeed(values.seed),
  };
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...present, lab, ignoreUnknown: values['ignore-unknown'] === true };
}
