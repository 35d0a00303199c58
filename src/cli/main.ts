#!/usr/bin/env node
/** The `podwire` command: finds the command's file, and turns what it throws into one line and an exit status. @module */
import { endQuietlyWithoutReader, isInputError } from './failure.ts';
import { HELP, UsageError } from './usage.ts';
import { version } from './version.ts';

type Command = (args: readonly string[]) => Promise<number>;

/** Each command's file is read only when it is asked for. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  replay: async () => (await import('./replay.ts')).replay,
  demo: async () => (await import('./demo.ts')).demo,
};

/** Run one command line (without node and script). @returns the exit status */
async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h' || name === 'help' || rest.includes('--help')) {
    process.stdout.write(HELP);
    return 0;
  }
  if (name === '--version' || name === '-V') {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  if (name === undefined) throw new UsageError('no command given, expected replay or demo (podwire --help)');
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const kind = name.startsWith('-') ? 'option' : 'command';
    throw new UsageError(`unknown ${kind} ${name}, expected ${Object.keys(COMMANDS).join(' or ')} (podwire --help)`);
  }
  return (await command())(rest);
}

endQuietlyWithoutReader();
try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  if (!isInputError(error)) throw error;
  process.stderr.write(`podwire: ${error.message}\n`);
  process.exitCode = 2;
}
