/** The options that every rule may have: original_opts of iptables and its getopt string. @module */

export interface GenericOption {
  /** The letter of the short form, which also names the option. */
  readonly letter: string;
  readonly long: readonly string[];
  /** Whether a word follows: never, always, or when the next word is neither an option nor `!`. */
  readonly word: 'none' | 'required' | 'optional';
}

const option = (letter: string, word: GenericOption['word'], ...long: string[]): GenericOption => ({
  letter,
  long,
  word,
});

export const GENERIC_OPTIONS: readonly GenericOption[] = [
  option('A', 'required', 'append'),
  option('C', 'required', 'check'),
  option('D', 'required', 'delete'),
  option('I', 'required', 'insert'),
  option('R', 'required', 'replace'),
  option('F', 'optional', 'flush'),
  option('Z', 'optional', 'zero'),
  option('N', 'required', 'new-chain'),
  option('X', 'optional', 'delete-chain'),
  option('E', 'required', 'rename-chain'),
  option('P', 'required', 'policy'),
  option('s', 'required', 'source', 'src'),
  option('d', 'required', 'destination', 'dst'),
  option('p', 'required', 'protocol'),
  option('i', 'required', 'in-interface'),
  option('o', 'required', 'out-interface'),
  option('j', 'required', 'jump'),
  option('g', 'required', 'goto'),
  option('m', 'required', 'match'),
  option('c', 'required', 'set-counters'),
  option('f', 'none', 'fragments'),
  option('v', 'none', 'verbose'),
  option('4', 'none', 'ipv4'),
  option('6', 'none', 'ipv6'),
  option('w', 'optional', 'wait'),
  option('t', 'required', 'table'),
];

const letters: ReadonlyMap<string, GenericOption> = new Map(GENERIC_OPTIONS.map((entry) => [entry.letter, entry]));

export const shortOption = (letter: string): GenericOption | undefined => letters.get(letter);
