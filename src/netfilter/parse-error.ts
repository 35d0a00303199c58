/** Where a text is wrong: thrown at the edge, before anything is loaded. One line, `file:line:column: found, expected`. @module */

/** A place in a text; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** A word of a text that its program would not take: `file:line:column: found, expected`. */
export class ParseError extends SyntaxError {
  override readonly name: string = 'ParseError';
  readonly at: Position;

  constructor(message: string, at: Position) {
    super(`${at.file}:${at.line}:${at.column}: ${message}`);
    this.at = at;
  }
}

/** A match or a target (or a set) that does not exist here: what `ignoreUnknown` leaves out with its rule. */
export class UnknownExtension extends ParseError {
  override readonly name = 'UnknownExtension';
  /** `match recent`, `target ULOG`, `set x`. */
  readonly what: string;

  constructor(what: string, message: string, at: Position) {
    super(message, at);
    this.what = what;
  }
}
