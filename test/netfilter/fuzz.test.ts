/** Rule texts as somebody's editor, disk or program may leave them: an error with a place, or rules; nothing else. */
import { expect, test } from 'vitest';
import { ParseError } from '../../src/netfilter/parse-error.ts';
import { formatSave, parseSave } from '../../src/netfilter/save.ts';
import { Random } from '../../src/sim/random.ts';
import { goldenTexts } from '../golden/rules.ts';

const MUTATIONS = Number(process.env['PODWIRE_FUZZ_RULES'] ?? 3000);

const random = new Random(7);
const texts = goldenTexts().filter(({ text }) => text.length < 4000);
const WORDS = [
  '!',
  '-m',
  '-j',
  '"',
  '\\',
  '--',
  '-',
  ',',
  ':',
  '/',
  '0x',
  '-1',
  '99999999999',
  '*nat',
  ':A - [0:0]',
  'COMMIT',
  '[',
  '\u0000',
  'é',
];

const at = (text: string): number => random.below(text.length + 1);

function mutate(text: string): string {
  const [a, b] = [at(text), at(text)].sort((x, y) => x - y) as [number, number];
  const word = WORDS[random.below(WORDS.length)]!;
  switch (random.below(6)) {
    case 0:
      return text.slice(0, a) + text.slice(Math.min(b, a + 10));
    case 1:
      return `${text.slice(0, a)} ${word} ${text.slice(a)}`;
    case 2:
      return text.slice(0, a) + word + text.slice(a + 1);
    case 3:
      return text.slice(0, b) + text.slice(a);
    case 4:
      return text.slice(0, a);
    default:
      return text.slice(0, a) + String.fromCharCode(random.below(256)) + text.slice(a + 1);
  }
}

test('mutated rule files', () => {
  for (let i = 0; i < MUTATIONS; i++) {
    const golden = texts[random.below(texts.length)]!;
    let { text } = golden;
    for (let n = random.below(4); n >= 0; n--) text = mutate(text);
    try {
      const options = { family: golden.family, counters: true };
      const once = formatSave(parseSave(text, 'f', options), { counters: true });
      expect(formatSave(parseSave(once, 'f', options), { counters: true }), text).toBe(once);
    } catch (error) {
      if (!(error instanceof ParseError)) throw error;
      expect(error.message, text).toMatch(/^f:\d+:\d+: [^\n]+$/);
    }
  }
});
