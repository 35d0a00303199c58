/** `npm run bench [-- NAME...]`: one question after the other, each with its table. @module */
import { forward } from './forward.ts';
import { memory } from './memory.ts';
import { rules } from './rules.ts';
import { sets } from './sets.ts';

const QUESTIONS: Readonly<Record<string, () => void>> = { forward, rules, sets, memory };

const names = process.argv.slice(2);
const unknown = names.find((name) => QUESTIONS[name] === undefined);
if (unknown !== undefined) {
  process.stderr.write(`bench: unknown question ${unknown}, expected some of ${Object.keys(QUESTIONS).join(', ')}\n`);
  process.exit(2);
}
for (const name of names.length > 0 ? names : Object.keys(QUESTIONS)) QUESTIONS[name]!();
