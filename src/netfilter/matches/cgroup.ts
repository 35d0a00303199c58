/** `-m cgroup`: the control group of the socket's owner, net/netfilter/xt_cgroup.c. Without a socket nothing matches. @module */
import type { Match } from '../extension.ts';
import { bang, oneOf } from '../number.ts';

export interface Cgroup {
  /** A class id in decimal, or a path. */
  readonly group: string;
  readonly byPath: boolean;
  readonly invert: boolean;
}

export const cgroup: Match<Cgroup> = {
  name: 'cgroup',
  hooks: ['INPUT', 'OUTPUT', 'POSTROUTING'],
  options: [
    { name: 'cgroup', invert: true },
    { name: 'path', invert: true },
  ],
  parse(given) {
    const option = oneOf(given, ['cgroup', 'path']);
    if (option === undefined) return given.fail('no option, expected --cgroup or --path');
    const byPath = option === 'path';
    return {
      group: byPath ? given.text('path') : String(given.uint('cgroup')),
      byPath,
      invert: given.inverted(option),
    };
  },
  format: ({ group, byPath, invert }) =>
    `${bang(invert)}${byPath ? `--path "${group.replace(/["\\']/g, '\\$&')}"` : `--cgroup ${group}`}`,
  compile: () => [],
  test: () => false,
};
