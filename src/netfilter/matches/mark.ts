/** `-m mark [!] --mark value[/mask]`: the packet's mark under a mask, net/netfilter/xt_mark.c. @module */
import type { Packet } from '../../packet/packet.ts';
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';

export interface MarkTest {
  /** uint32 both. */
  readonly value: number;
  readonly mask: number;
  readonly invert: boolean;
}

const [VALUE, MASK, INVERT] = [0, 1, 2] as const;

const hex = (value: number): string => `0x${value.toString(16)}`;

export const mark: Match<MarkTest> = {
  name: 'mark',
  options: [{ name: 'mark', invert: true, required: true }],
  parse: (given) => ({ ...given.markMask('mark'), invert: given.inverted('mark') }),
  format: ({ value, mask, invert }) =>
    `${bang(invert)}--mark ${hex(value)}${mask === 0xffffffff ? '' : `/${hex(mask)}`}`,
  compile: ({ value, mask, invert }) => [value | 0, mask | 0, Number(invert)],
  test: testMark,
};

/** Runs per packet: no allocation. */
export function testMark(args: Int32Array, at: number, pkt: Packet): boolean {
  return ((pkt.mark & args[at + MASK]!) === args[at + VALUE]!) !== (args[at + INVERT] === 1);
}
