/** YAML (or JSON) text to plain data, with the position of every value. The only import of `yaml`. @module */
import { type Document, isScalar, LineCounter, type Node, parseDocument, Scalar } from 'yaml';

export interface Position {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** Text that is not YAML. `message` is `file:line:column: what is wrong`. */
export class YamlError extends SyntaxError {
  override readonly name = 'YamlError';
  readonly at: Position;

  constructor(message: string, at: Position) {
    super(`${at.file}:${at.line}:${at.column}: ${message}`);
    this.at = at;
  }
}

/** A parsed text: its value, and where its parts stand. */
export class YamlText {
  readonly file: string;
  readonly value: unknown;
  private readonly document: Document;
  private readonly lines: LineCounter;
  private readonly text: string;

  /** @throws {YamlError} */
  constructor(text: string, file: string) {
    this.file = file;
    this.text = text;
    this.lines = new LineCounter();
    this.document = parseDocument(text, { lineCounter: this.lines, prettyErrors: false });
    const error = this.document.errors[0];
    if (error !== undefined) throw new YamlError(firstLine(error.message), this.position(error.pos[0]));
    this.value = this.document.toJS({ maxAliasCount: 1000 });
  }

  /**
   * Where the value at a path stands (`namespaces.r.links[0].mac`, or its parts): the value, or the nearest one around it
   * that is there.
   */
  locate(path: string | readonly (string | number)[]): Position {
    const parts = typeof path === 'string' ? splitPath(path) : path;
    for (let length = parts.length; length >= 0; length--) {
      const node = this.node(parts.slice(0, length));
      if (node?.range) return this.position(node.range[0]);
    }
    return { file: this.file, line: 1, column: 1 };
  }

  /**
   * Where a place inside a text that is a value stands in this file. Exact for block texts (`|`); any other text has only
   * its beginning.
   */
  locateInside(path: readonly (string | number)[], line: number, column: number): Position {
    const node = this.node(path);
    if (!isScalar(node) || node.type !== Scalar.BLOCK_LITERAL || !node.range) return this.locate(path);
    const first = this.lines.linePos(node.range[0]).line + 1;
    const indent = /^[ ]*/.exec(this.text.split('\n')[first - 1] ?? '')![0].length;
    return { file: this.file, line: first + line - 1, column: indent + column };
  }

  private node(parts: readonly (string | number)[]): Node | undefined {
    const node = parts.length === 0 ? this.document.contents : this.document.getIn(parts, true);
    return (node as Node | null | undefined) ?? undefined;
  }

  private position(offset: number): Position {
    const { line, col } = this.lines.linePos(offset);
    return { file: this.file, line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}

const firstLine = (message: string): string => message.split('\n')[0]!;

/** `a.b[0].c` to its parts. Names in it hold neither dots nor brackets but for the keys of settings, which end a path. */
function splitPath(path: string): (string | number)[] {
  const [head, settings] = path.split(/(?<=sysctls)\.(.*)/s);
  const parts: (string | number)[] = [];
  for (const [, name, index] of head!.matchAll(/([^.[\]]+)|\[(\d+)\]/g)) {
    parts.push(index === undefined ? name! : Number(index));
  }
  return settings === undefined ? parts : [...parts, settings];
}
