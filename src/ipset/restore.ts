/**
 * The language of `ipset restore` and `ipset save`. A text is loaded whole or not at all. src/ipset.c and lib/session.c of
 * ipset 7. @module
 */
import { parseEntry } from './adt-text.ts';
import { describeCode, EXIST, FOUND, INCOMPLETE, OK } from './code.ts';
import { parseCreate } from './create-text.ts';
import { IpsetError } from './error.ts';
import { Refusal, type SetRegistry } from './registry.ts';
import { type Action, ADD, DELETE, TEST } from './set.ts';
import { Values } from './values.ts';
import { splitWords, type Word } from './words.ts';

type Command = 'create' | 'add' | 'del' | 'test' | 'destroy' | 'flush' | 'rename' | 'swap';

/** In the order in which ipset looks for the shortest match; with their one-letter forms. */
const COMMANDS: readonly (readonly [Command, string])[] = [
  ['create', 'N'],
  ['add', 'A'],
  ['del', 'D'],
  ['test', 'T'],
  ['destroy', 'X'],
  ['flush', 'F'],
  ['rename', 'E'],
  ['swap', 'W'],
];
const LETTERS: Readonly<Record<string, Command>> = { n: 'create', x: 'destroy', e: 'rename', w: 'swap' };

/** IPSET_MAXNAMELEN without its closing zero. */
const MAX_NAME = 31;
const EXIST_WORDS = ['-exist', '--exist', '-!'];

/** How a text is taken. */
export interface RestoreOptions {
  /** Take what is there already, and what is gone, for done: `ipset -exist restore`. */
  readonly exist?: boolean;
}

function fail(message: string, { at }: Word): never {
  throw new IpsetError(message, at);
}

function findCommand(text: string): Command | undefined {
  const bare = text.replace(/^--?/, '');
  if (bare === '') return undefined;
  if (text.startsWith('-') && bare.length === 1) return COMMANDS.find(([, letter]) => letter === bare)?.[0];
  return LETTERS[bare] ?? COMMANDS.find(([name]) => name.startsWith(bare))?.[0];
}

class Restore {
  private readonly registry: SetRegistry;
  private readonly file: string;
  private readonly exist: boolean;
  private readonly values: Values = new Values();

  constructor(registry: SetRegistry, file: string, exist: boolean) {
    this.registry = registry;
    this.file = file;
    this.exist = exist;
  }

  read(text: string): void {
    let line = 0;
    for (let start = 0; start < text.length; ) {
      const newline = text.indexOf('\n', start);
      const end = newline < 0 ? text.length : newline;
      this.line(text.slice(start, end), ++line);
      start = end + 1;
    }
  }

  private line(line: string, number: number): void {
    if (line.startsWith('#')) return;
    const all = splitWords(line, this.file, number);
    const words = all.filter(({ text }) => !EXIST_WORDS.includes(text));
    const [first, ...operands] = words;
    if (first === undefined || first.text === 'COMMIT') return;
    const command = findCommand(first.text);
    if (command === undefined) fail(`${first.text}, expected a command such as create or add`, first);
    try {
      this.run(command, first, operands, this.exist || words.length < all.length);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      fail(error.message, operands[0] ?? first);
    }
  }

  private run(command: Command, word: Word, operands: readonly Word[], exist: boolean): void {
    const [name, second, ...rest] = operands;
    if (command === 'flush' || command === 'destroy') {
      if (second !== undefined) fail(`${second.text} behind ${command}, expected one set`, second);
      this.registry[command](name?.text ?? null);
      return;
    }
    if (name === undefined || second === undefined) {
      fail(`${command} with ${operands.length} operands, expected more`, second ?? name ?? word);
    }
    switch (command) {
      case 'create':
        this.registry.create(checkName(name), parseCreate(second, rest, fail), exist);
        break;
      case 'rename':
        this.registry.rename(name.text, checkName(second));
        break;
      case 'swap':
        this.registry.swap(name.text, second.text);
        break;
      default:
        this.element(command === 'add' ? ADD : command === 'del' ? DELETE : TEST, name.text, [second, ...rest], exist);
    }
  }

  private element(action: Action, name: string, words: readonly Word[], exist: boolean): void {
    const set = action === TEST ? this.registry.find(name) : this.registry.change(name);
    const entry = parseEntry(action, words, set, this.values, fail);
    const code = set.entry(action, entry, this.values, exist);
    const there = action === TEST && (code === FOUND || code === INCOMPLETE);
    if (there || (action !== TEST && code === OK)) return;
    const word = words[0]!;
    if (action === TEST) fail(`${word.text} is not in set ${name}, expected it there`, word);
    if (code !== EXIST) fail(`${word.text} in set ${name}: ${describeCode(code)}, expected one that it can hold`, word);
    fail(
      `${word.text} is ${action === ADD ? 'in' : 'not in'} set ${name}, expected it ${action === ADD ? 'not ' : ''}there`,
      word,
    );
  }
}

function checkName(word: Word): string {
  const { text } = word;
  if (text === '' || text.length > MAX_NAME) fail(`set name ${text}, expected 1 to ${MAX_NAME} characters`, word);
  return text;
}

/** Do what a text says. @throws {IpsetError} at the first word that ipset would not take; then nothing has changed */
export function restoreSets(registry: SetRegistry, text: string, file: string, options: RestoreOptions = {}): void {
  registry.atomically(() => {
    new Restore(registry, file, options.exist ?? false).read(text);
  });
}

/** What `ipset save` prints, of one set or of all. */
export function saveSets(registry: SetRegistry, name: string | null = null): string {
  const lines = (name === null ? registry.names() : [name]).map((each) => {
    const set = registry.find(each);
    const members = set.members().map((member) => `add ${each} ${member}\n`);
    return `create ${each} ${set.config.type} ${set.header()}\n${members.join('')}`;
  });
  return lines.join('');
}
