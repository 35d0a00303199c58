/** `-j AUDIT`: a record to the audit subsystem, which is not here; net/netfilter/xt_AUDIT.c. @module */
import { type Target, XT_CONTINUE } from '../extension.ts';

const TYPES = ['accept', 'drop', 'reject'] as const;

export interface Audit {
  readonly type: (typeof TYPES)[number];
}

export const audit: Target<Audit> = {
  name: 'AUDIT',
  options: [{ name: 'type', required: true }],
  parse(given) {
    const type = TYPES.find((known) => known === given.text('type'));
    return type === undefined ? given.fail(`${given.text('type')}, expected ${TYPES.join(', ')}`, 'type') : { type };
  },
  format: ({ type }) => `--type ${type}`,
  compile: () => [],
  run: () => XT_CONTINUE,
};
