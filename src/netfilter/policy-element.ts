/** One transformation that `-m policy` asks for: struct xt_policy_elem, and its words in libxt_policy.c. @module */
import { format4, format6, mask4, mask6, parse4, parse6, prefixLength4 } from '../packet/address.ts';
import { protocolNumber } from '../packet/protocols.ts';
import type { Family, Given, GivenOption } from './extension.ts';
import { bang, boundedUint } from './number.ts';

/** What is asked of a transformation, each as printed. */
const FIELDS = ['reqid', 'spi', 'proto', 'mode', 'tunnel-dst', 'tunnel-src'] as const;
type Field = (typeof FIELDS)[number];

export interface PolicyTest {
  readonly field: Field;
  readonly word: string;
  readonly invert: boolean;
}

/** In the order in which they are printed. */
export type PolicyElement = readonly PolicyTest[];

export const POLICY_FIELDS: readonly Field[] = FIELDS;

const PROTOCOLS: Readonly<Record<number, string>> = { 50: 'esp', 51: 'ah', 108: 'ipcomp' };

/** An address with a prefix, the host part cleared, or undefined. */
function readAddress(text: string, family: Family): string | undefined {
  const [address = '', mask, ...rest] = text.split('/');
  const bits = family === 'ipv4' ? 32 : 128;
  const dotted = mask === undefined ? undefined : parse4(mask);
  const length = mask === undefined ? bits : dotted === undefined ? Number(mask) : prefixLength4(dotted);
  if (rest.length > 0 || !(length >= 0 && length <= bits)) return undefined;
  const suffix = length === bits ? '' : `/${length}`;
  if (family === 'ipv4') {
    const parsed = parse4(address);
    return parsed === undefined ? undefined : format4(parsed & mask4(length)) + suffix;
  }
  const parsed = parse6(address);
  if (parsed === undefined) return undefined;
  const [a, b, c, d] = mask6(length);
  return format6([parsed[0] & a, parsed[1] & b, parsed[2] & c, parsed[3] & d]) + suffix;
}

const READERS: Readonly<Record<Field, (text: string, family: Family) => string | undefined>> = {
  reqid: (text) => boundedUint(text)?.toString(),
  spi: (text) => {
    const spi = boundedUint(text);
    return spi === undefined ? undefined : `0x${spi.toString(16)}`;
  },
  proto: (text) => PROTOCOLS[protocolNumber(text) ?? -1],
  mode: (text) => ['transport', 'tunnel'].find((mode) => mode === text),
  'tunnel-dst': readAddress,
  'tunnel-src': readAddress,
};

/** The options between two `--next`. @throws {ParseError} */
export function parseElement(given: Given, uses: readonly GivenOption[]): PolicyElement {
  const tests = FIELDS.flatMap((field): PolicyTest[] => {
    const [use, again] = uses.filter(({ name }) => name === field);
    if (use === undefined) return [];
    if (again !== undefined) given.fail(`--${field} a second time, expected --next before it`, field);
    const word = READERS[field](use.text, given.family);
    if (word === undefined) return given.fail(`${use.text}, expected a value of --${field}`, field);
    return [{ field, word, invert: use.inverted }];
  });
  const tunnel = tests.find(({ field }) => field.startsWith('tunnel-'));
  const mode = tests.find(({ field }) => field === 'mode');
  if (tunnel !== undefined && (mode?.word !== 'tunnel' || mode.invert))
    given.fail(`--${tunnel.field} without a tunnel, expected --mode tunnel with it`, tunnel.field);
  return tests;
}

/** Inverse of {@link parseElement}. */
export const formatElement = (element: PolicyElement): string =>
  element.map(({ field, word, invert }) => `${bang(invert)}--${field} ${word}`).join(' ');
