/** `-j TOS`: write bits of the DS field, net/netfilter/xt_DSCP.c. @module */
import { dsfield, setDsfield } from '../dsfield.ts';
import { type Given, type Target, XT_CONTINUE } from '../extension.ts';
import { oneOf } from '../number.ts';
import { hexByte, type TosValue, tosValue } from '../tos-value.ts';

/** Clear the bits of the mask, then exclusive-or the value. */
function parseBits(given: Given): TosValue {
  const option = oneOf(given, ['set-tos', 'and-tos', 'or-tos', 'xor-tos']);
  if (option === undefined) return given.fail('no action, expected --set-tos, --and-tos, --or-tos or --xor-tos');
  if (option === 'set-tos') return tosValue(given, option);
  const bits = given.uint(option, 255);
  if (option === 'and-tos') return { value: 0, mask: ~bits & 255 };
  return { value: bits, mask: option === 'or-tos' ? bits : 0 };
}

export const tos: Target<TosValue> = {
  name: 'TOS',
  tables: ['mangle'],
  options: [{ name: 'set-tos' }, { name: 'and-tos' }, { name: 'or-tos' }, { name: 'xor-tos' }],
  parse: parseBits,
  format: ({ value, mask }) => `--set-tos ${hexByte(value)}/${hexByte(mask)}`,
  compile: ({ value, mask }) => [value, mask],
  run(args, at, pkt) {
    const old = dsfield(pkt);
    const tos = (old & ~args[at + 1]!) ^ args[at]!;
    if (tos !== old) setDsfield(pkt, tos);
    return XT_CONTINUE;
  },
};
