/** `-j MARK --set-xmark value/mask`: clear the mask's bits of the packet's mark, then xor; net/netfilter/xt_mark.c. @module */
import { type Target, XT_CONTINUE } from '../extension.ts';

/** uint32 both: mark = (mark & ~mask) ^ value. */
export interface MarkOptions {
  readonly value: number;
  readonly mask: number;
}

const OPTIONS = ['set-xmark', 'set-mark', 'and-mark', 'or-mark', 'xor-mark'] as const;

const hex = (value: number): string => `0x${value.toString(16)}`;

export const mark: Target<MarkOptions> = {
  name: 'MARK',
  options: OPTIONS.map((name) => ({ name })),
  parse(given) {
    const used = OPTIONS.filter((name) => given.has(name));
    if (used.length !== 1)
      given.fail(`MARK with ${used.length} of its options, expected one of --${OPTIONS.join(', --')}`);
    const option = used[0]!;
    if (option === 'set-xmark') return given.markMask(option);
    if (option === 'set-mark') {
      const { value, mask } = given.markMask(option);
      return { value, mask: (mask | value) >>> 0 };
    }
    const bits = given.uint(option);
    if (option === 'and-mark') return { value: 0, mask: ~bits >>> 0 };
    return { value: bits, mask: option === 'or-mark' ? bits : 0 };
  },
  format: ({ value, mask }) => `--set-xmark ${hex(value)}/${hex(mask)}`,
  compile: ({ value, mask }) => [value | 0, mask | 0],
  run(args, at, pkt) {
    pkt.mark = (pkt.mark & ~args[at + 1]!) ^ args[at]!;
    return XT_CONTINUE;
  },
};
