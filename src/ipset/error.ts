/** Where an ipset text is wrong. One line, `file:line:column: found, expected`. @module */

/** A place in a text; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A line that ipset would refuse. */
export class IpsetError extends SyntaxError {
  override readonly name = 'IpsetError';
  readonly at: Position;

  constructor(message: string, at: Position) {
    super(`${at.file}:${at.line}:${at.column}: ${message}`);
    this.at = at;
  }
}
