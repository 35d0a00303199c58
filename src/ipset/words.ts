/** The words of a line of ipset text. Only a word in double quotes may hold blanks; there are no escapes. @module */
import { IpsetError, type Position } from './error.ts';

/** A word and where it begins. */
export interface Word {
  readonly text: string;
  readonly at: Position;
}

const isBlank = (c: string | undefined): boolean => c === ' ' || c === '\t' || c === '\r';

/** @throws {IpsetError} when a quote is not closed at the end of a word */
export function splitWords(line: string, file: string, lineNumber: number): Word[] {
  const words: Word[] = [];
  let i = 0;
  while (i < line.length) {
    if (isBlank(line[i])) {
      i++;
      continue;
    }
    const at = { file, line: lineNumber, column: i + 1 };
    const quoted = line[i] === '"';
    let end = quoted ? line.indexOf('"', i + 1) : i;
    if (quoted) {
      if (end < 0 || (end + 1 < line.length && !isBlank(line[end + 1])))
        throw new IpsetError('a quote that is not closed, expected " at the end of the word', at);
    } else while (end < line.length && !isBlank(line[end])) end++;
    words.push({ text: line.slice(quoted ? i + 1 : i, end), at });
    i = quoted ? end + 1 : end;
  }
  return words;
}
