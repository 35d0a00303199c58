/** What a table tells a trace: the rule or the policy that a packet matched, with its text. @module */
import type { Netns } from '../net/netns.ts';
import type { Stage } from '../sim/trace.ts';
import * as c from './compile.ts';
import { formatRule } from './format.ts';
import { HOOK_NAMES } from './rule.ts';

/** The chain that a row is in: they stand in the order of their rows. */
function chainOf({ chains }: c.Program, row: number): c.CompiledChain {
  let low = 0;
  let high = chains.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (row <= chains[middle]!.end) high = middle;
    else low = middle + 1;
  }
  return chains[low]!;
}

/** The stage of a table; its integers are the row and the hook. */
export const ruleStage = (program: c.Program, ns: Netns): Stage => ({
  kind: 'rule',
  ns: ns.name,
  describe(row, hook) {
    const { chain, start, end } = chainOf(program, row);
    const where = { hook: HOOK_NAMES[hook]!, table: program.table.name, chain: chain.name };
    if (row === end) return { ...where, [chain.policy === null ? 'return' : 'policy']: chain.policy ?? 'RETURN' };
    return {
      ...where,
      number: row - start + 1,
      text: formatRule(chain.rules[row - start]!.rule, program.family, program.backend),
    };
  },
});

/** `TRACE: table:chain:kind:number ` of a row that a packet under `-j TRACE` matched: trace_packet of ip_tables.c. */
export function tracePrefix(program: c.Program, row: number): string {
  const { chain, start } = chainOf(program, row);
  const at = row * c.STRIDE;
  const { rows } = program;
  // A rule that gives every packet a verdict looks like the end of its chain.
  const isTail =
    rows[at + c.TARGET]! >= c.TARGET_POLICY || (isVerdict(rows[at + c.TARGET]!) && isUnconditional(program, row));
  const tail = chain.policy === null ? 'return' : 'policy';
  return `TRACE: ${program.table.name}:${chain.name}:${isTail ? tail : 'rule'}:${row - start + 1} `;
}

const isVerdict = (target: number): boolean => target >= c.TARGET_ACCEPT && target <= c.TARGET_RETURN;

function isUnconditional({ keys, rows }: c.Program, row: number): boolean {
  const at = row * c.STRIDE;
  return (
    keys[at + c.SRC_MASK] === 0 &&
    keys[at + c.DST_MASK] === 0 &&
    rows[at + c.PROTOCOL] === 0 &&
    rows[at + c.FLAGS] === 0 &&
    rows[at + c.IIF]! < 0 &&
    rows[at + c.OIF]! < 0 &&
    rows[at + c.MATCHES]! < 0
  );
}
