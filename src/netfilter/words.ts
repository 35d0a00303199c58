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
  while (i < line.length) {
    if (isBlank(line[i]!)) {
      i++;
      continue;
    }
    const at = { file, line: lineNumber, column: i + 1 };
    let text = '';
    let quoted = false;
    while (i < line.length && !isBlank(line[i]!) && line[i] !== '"') text += line[i++];
    if (line[i] === '"') {
      quoted = true;
      for (i++; line[i] !== '"'; i++) {
        if (line[i] === '\\') i++;
        if (i >= line.length) throw new ParseError('a quote that is not closed, expected "', at);
        text += line[i];
      }
      i++;
    }
    words.push({ text, at, quoted });
  }
  return words;
}

/** A word as iptables-save prints free text: bare when it is letters, digits, `_` and `-`, else in quotes. */
export function quote(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `"${text.replace(/["\\']/g, '\\$&')}"`;
}
