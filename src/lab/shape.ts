/**
 * Checks of a plain description (parsed JSON or YAML), by shape. A check says nothing when a value is right and throws a
 * LabError with the value's path when it is not, so that whoever reads on can trust the type. @module
 */
import { type Address6, parse4, parse6, parseMac } from '../packet/address.ts';

/** A description that cannot be built: where in it, and what was found and expected. */
export class LabError extends Error {
  override readonly name = 'LabError';
  /** The file that the description came from. */
  readonly file: string;
  /** The value's place in it: `namespaces.r.links[0].mac`; '' is the whole. */
  readonly path: string;
  /** The message without file and path. */
  readonly detail: string;

  constructor(file: string, path: string, detail: string) {
    super(path === '' ? `${file}: ${detail}` : `${file}: ${path}: ${detail}`);
    this.file = file;
    this.path = path;
    this.detail = detail;
  }
}

/** Where a value stands. */
export interface Place {
  readonly file: string;
  readonly path: string;
}

/** Throws a LabError when `value` is not what it should be. */
export type Check = (value: unknown, at: Place) => void;

const QUOTED_MAX = 60;

/** How a value reads in a message: its JSON, cut short. */
function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > QUOTED_MAX ? `${text.slice(0, QUOTED_MAX)}...` : text;
}

/** @throws {LabError} always */
export function mismatch(value: unknown, at: Place, expected: string): never {
  throw new LabError(at.file, at.path, `found ${shown(value)}, expected ${expected}`);
}

/** The place of a field, or of an element, of what stands at `at`. */
export const inside = (at: Place, key: string | number): Place => {
  if (typeof key === 'number') return { file: at.file, path: `${at.path}[${key}]` };
  return { file: at.file, path: at.path === '' ? key : `${at.path}.${key}` };
};

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const satisfies =
  (expected: string, test: (value: unknown) => boolean): Check =>
  (value, at) => {
    if (!test(value)) mismatch(value, at, expected);
  };

const textThat = (expected: string, test: (text: string) => boolean): Check =>
  satisfies(expected, (value) => typeof value === 'string' && test(value));

export const text: Check = textThat('a text', () => true);
export const boolean: Check = satisfies('true or false', (value) => typeof value === 'boolean');
export const anything: Check = () => {};
/** A number, or a number in a text: the ip command takes either. */
export const word: Check = satisfies('a number or a text', (v) => typeof v === 'string' || typeof v === 'number');

export const integer = (min: number, max: number): Check =>
  satisfies(
    `a whole number from ${min} to ${max}`,
    (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
  );

export const oneOf = (...choices: readonly (string | number)[]): Check =>
  satisfies(`one of ${choices.join(', ')}`, (value) => choices.includes(value as string));

export const mac: Check = textThat('a MAC address (aa:bb:cc:dd:ee:ff)', (value) => parseMac(value) !== undefined);
export const address: Check = textThat('an IPv4 address', (value) => parse4(value) !== undefined);

/** An IPv4 address and a prefix length, which may be left out. */
export function parsePrefix(value: string): { readonly address: number; readonly length: number } | undefined {
  const [host, length, ...rest] = value.split('/');
  const number = parse4(host!);
  if (number === undefined || rest.length > 0) return undefined;
  if (length === undefined) return { address: number, length: 32 };
  return /^\d{1,2}$/.test(length) && Number(length) <= 32 ? { address: number, length: Number(length) } : undefined;
}

const isPrefix = (value: string): boolean => parsePrefix(value) !== undefined;

/** The same for IPv6. */
export function parsePrefix6(value: string): { readonly address: Address6; readonly length: number } | undefined {
  const [host, length, ...rest] = value.split('/');
  const address = parse6(host!);
  if (address === undefined || rest.length > 0) return undefined;
  if (length === undefined) return { address, length: 128 };
  return /^\d{1,3}$/.test(length) && Number(length) <= 128 ? { address, length: Number(length) } : undefined;
}

const isPrefix6 = (value: string): boolean => parsePrefix6(value) !== undefined;
export const anyAddress: Check = textThat(
  'an IPv4 or IPv6 address',
  (value) => parse4(value) !== undefined || parse6(value) !== undefined,
);
export const anyPrefix: Check = textThat(
  'an address with a prefix length (10.0.0.1/24, fd00::1/64)',
  (value) => isPrefix(value) || isPrefix6(value),
);
export const anyDestination: Check = textThat(
  'a prefix (10.0.0.0/8, fd00::/8), default or all',
  (value) => value === 'default' || value === 'all' || isPrefix(value) || isPrefix6(value),
);

/** A device name as Linux takes it: dev_valid_name. */
export const deviceName: Check = textThat('a device name (1 to 15 characters, no blank, / or :)', (value) =>
  /^(?!\.{1,2}$)[^\s/:]{1,15}$/.test(value),
);

/** Any of several checks: the last one's message stands for all. */
export const either =
  (first: Check, second: Check): Check =>
  (value, at) => {
    try {
      first(value, at);
    } catch (error) {
      if (!(error instanceof LabError)) throw error;
      second(value, at);
    }
  };

export const listOf =
  (check: Check): Check =>
  (value, at) => {
    if (!Array.isArray(value)) mismatch(value, at, 'a list');
    (value as readonly unknown[]).forEach((element, i) => {
      check(element, inside(at, i));
    });
  };

/** A mapping from names to values of one kind. */
export const mapOf =
  (check: Check): Check =>
  (value, at) => {
    if (!isRecord(value)) mismatch(value, at, 'a mapping');
    for (const [key, element] of Object.entries(value as object)) check(element, inside(at, key));
  };

/** What fields a record may have, by name; a name that ends in `!` must be there. */
export type Fields = Readonly<Record<string, Check>>;

/** A record with these fields; `open` lets others pass. */
export const record =
  (fields: Fields, open = false): Check =>
  (value, at) => {
    if (!isRecord(value)) return mismatch(value, at, 'a mapping');
    const known = new Map(Object.entries(fields).map(([name, check]) => [name.replace('!', ''), check]));
    for (const name of Object.keys(fields)) {
      const plain = name.replace('!', '');
      if (plain !== name && value[plain] === undefined) mismatch(undefined, inside(at, plain), 'a value');
    }
    for (const [key, field] of Object.entries(value)) {
      const check = known.get(key);
      if (check !== undefined) check(field, inside(at, key));
      else if (!open)
        throw new LabError(at.file, inside(at, key).path, `unknown field, expected ${[...known.keys()].join(', ')}`);
    }
  };
