/**
 * The little language of `-m u32`: `location = values && ...`, where a location takes four bytes of the packet, masks and
 * shifts them, or moves on by them. libxt_u32.c. @module
 */
import { parseUint } from './number.ts';

/** Operators of a location. */
const [AND, LEFT, RIGHT] = [0, 1, 2] as const;
const OPERATORS: readonly string[] = ['&', '<<', '>>', '@'];

/** XT_U32_MAXSIZE: tests, terms of a location, values of one. */
const MAX = 10;

/** One `location = values`. */
export interface U32Test {
  /** The first offset, then operator and number by turns. */
  readonly location: readonly number[];
  /** Inclusive ranges. */
  readonly values: readonly (readonly [number, number])[];
}

/** @returns the tests, or what is wrong with the text */
export function parseU32(text: string): U32Test[] | string {
  const tokens = text.match(/&&|<<|>>|[&@=,:]|[^\s&<>@=,:]+|\S/g) ?? [];
  const tests: U32Test[] = [];
  let i = 0;
  const number = (): number | undefined => {
    const value = parseUint(tokens[i] ?? '');
    if (value === undefined || value > 0xffff_ffff) return undefined;
    i++;
    return value;
  };
  const wrong = (expected: string): string => `${tokens[i] ?? 'the end'}, expected ${expected}`;
  do {
    if (tests.length > 0) i++;
    const offset = number();
    if (offset === undefined) return wrong('a number');
    const location = [offset];
    for (
      let operator = OPERATORS.indexOf(tokens[i] ?? '');
      operator >= 0;
      operator = OPERATORS.indexOf(tokens[i] ?? '')
    ) {
      i++;
      const operand = number();
      if (operand === undefined) return wrong('a number');
      location.push(operator, operand);
    }
    if (tokens[i] !== '=') return wrong('&, <<, >>, @ or =');
    const values: [number, number][] = [];
    do {
      i++;
      const low = number();
      if (low === undefined) return wrong('a number');
      if (tokens[i] === ':') i++;
      const high = tokens[i - 1] === ':' ? number() : low;
      if (high === undefined) return wrong('a number');
      values.push([low, high]);
    } while (tokens[i] === ',');
    if (values.length > MAX || location.length >= 2 * MAX)
      return `more than ${MAX} values or operators, expected fewer`;
    tests.push({ location, values });
  } while (tokens[i] === '&&');
  if (i < tokens.length) return wrong(', or && or the end');
  return tests.length > MAX ? `${tests.length} tests, expected at most ${MAX}` : tests;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

/** Inverse of {@link parseU32}. */
export function formatU32(tests: readonly U32Test[]): string {
  const one = ({ location, values }: U32Test): string => {
    let text = hex(location[0]!);
    for (let i = 1; i < location.length; i += 2) text += OPERATORS[location[i]!]! + hex(location[i + 1]!);
    return `${text}=${values.map(([low, high]) => (low === high ? hex(low) : `${hex(low)}:${hex(high)}`)).join(',')}`;
  };
  return tests.map(one).join('&&');
}

/**
 * As integers: number of tests; for each the number of operators, the offset, the operators with their operands, the
 * number of values, the values.
 */
export const compileU32 = (tests: readonly U32Test[]): number[] => [
  tests.length,
  ...tests.flatMap(({ location, values }) => [(location.length - 1) / 2, ...location, values.length, ...values.flat()]),
];

/** Run over the packet [start, end). u32_match_it of net/netfilter/xt_u32.c. Runs per packet: no allocation. */
export function runU32(code: Int32Array, pc: number, v: DataView, start: number, end: number): boolean {
  const length = end - start;
  for (let tests = code[pc++]!; tests > 0; tests--) {
    let operators = code[pc++]!;
    let pos = code[pc++]! >>> 0;
    if (length < 4 || pos > length - 4) return false;
    let at = 0;
    let value = v.getUint32(start + pos);
    for (; operators > 0; operators--) {
      const operator = code[pc++]!;
      const operand = code[pc++]!;
      if (operator === AND) value = (value & operand) >>> 0;
      else if (operator === LEFT) value = (value << operand) >>> 0;
      else if (operator === RIGHT) value >>>= operand;
      else {
        at += value;
        pos = operand >>> 0;
        if (at + 4 > length || pos > length - at - 4) return false;
        value = v.getUint32(start + at + pos);
      }
    }
    let found = false;
    for (let values = code[pc++]!; values > 0; values--) {
      found ||= code[pc]! >>> 0 <= value && value <= code[pc + 1]! >>> 0;
      pc += 2;
    }
    if (!found) return false;
  }
  return true;
}
