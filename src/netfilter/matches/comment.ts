/** `-m comment --comment TEXT`: says why a rule is there, net/netfilter/xt_comment.c. @module */
import type { Match } from '../extension.ts';
import { quote } from '../words.ts';

/** XT_MAX_COMMENT_LEN with its closing zero. */
const MAX_LENGTH = 255;

export const comment: Match<string> = {
  name: 'comment',
  options: [{ name: 'comment', required: true }],
  parse(given) {
    const text = given.text('comment');
    if (text.length > MAX_LENGTH)
      given.fail(`comment of ${text.length} bytes, expected at most ${MAX_LENGTH}`, 'comment');
    return text;
  },
  format: (text) => `--comment ${quote(text)}`,
  compile: () => null,
  test: () => true,
};
