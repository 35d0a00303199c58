/** What a table tells a trace: the rule or the policy that a packet matched, with its text. @module */
import type { Stage } from '../sim/trace.ts';
import type * as c from './compile.ts';
import type { TableState } from './evaluate.ts';
import { formatRule } from './format.ts';

/** The chain that a row is in. */
export const chainOf = (program: c.Program, row: number): c.CompiledChain =>
  program.chains.find(({ start, end }) => row >= start && row <= end)!;

/** The stage of a table; the row is the first integer. */
export const ruleStage = ({ program, ns }: TableState): Stage => ({
  kind: 'rule',
  ns: ns.name,
  describe(row) {
    const { chain, start, end } = chainOf(program, row);
    const where = { table: program.table.name, chain: chain.name };
    if (row === end) return { ...where, [chain.policy === null ? 'return' : 'policy']: chain.policy ?? 'RETURN' };
    return {
      ...where,
      number: row - start + 1,
      text: formatRule(chain.rules[row - start]!.rule, program.family, program.backend),
    };
  },
});
