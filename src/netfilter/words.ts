/** The words of a line of iptables-save, and back: add_param_to_argv and xtables_save_string of iptables. @module */
import { ParseError, type Position } from './parse-error.ts';

/** A word and where it begins. */
export interface Word {
  /** Quotes and backslashes removed. */
  readonly text: string;
  readonly at: Position;
  /** It was in quotes: it is never an option. */
  readonly quoted: boolean;
}

const isBlank = (c: string): boolean => c === ' ' || c === '\t' || c === '\r';

/**
 * Split `line` from `from` (index of a character) into words. A quote may open inside a word, and its end ends the word;
 * inside, a backslash takes the next character as it is. @throws {ParseError} when a quote is not closed
 */
export function splitWords(line: string, file: string, lineNumber: number, from = 0): Word[] {
  const words: Word[] = [];
  let i = from;
  for (;;) {
    while (i < line.length && isBlank(line[i]!)) i++;
    if (i === line.length) return words;
    const at = { file, line: lineNumber, column: i + 1 };
    const start = i;
    while (i < line.length && !isBlank(line[i]!) && line[i] !== '"') i++;
    const bare = line.slice(start, i);
    if (line[i] !== '"') {
      words.push({ text: bare, at, quoted: false });
      continue;
    }
    const end = closingQuote(line, i + 1);
    if (end < 0) throw new ParseError('a quote that is not closed, expected "', at);
    words.push({ text: bare + unescaped(line.slice(i + 1, end)), at, quoted: true });
    i = end + 1;
  }
}

/** Where the quote ends whose text begins at `from`, or -1. */
function closingQuote(line: string, from: number): number {
  let i = from;
  while (i < line.length && line[i] !== '"') i += line[i] === '\\' ? 2 : 1;
  return i < line.length ? i : -1;
}

const unescaped = (text: string): string => (text.includes('\\') ? text.replace(/\\(.)/gs, '$1') : text);

/** A word as iptables-save prints free text: bare when it is letters, digits, `_` and `-`, else in quotes. */
export function quote(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `"${text.replace(/["\\']/g, '\\$&')}"`;
}
