/** `-j SET`: enter the packet into an ipset or take it out, net/netfilter/xt_set.c. Sets themselves are in ipset/. @module */
import type { Given, Target } from '../extension.ts';
import { XT_CONTINUE } from '../extension.ts';

const ACTIONS = ['add-set', 'del-set', 'map-set'] as const;
const FLAGS = ['map-mark', 'map-prio', 'map-queue'] as const;
const MAX_NAME = 31;
const MAX_DIMENSIONS = 6;

export interface SetAction {
  readonly action: (typeof ACTIONS)[number];
  readonly set: string;
  readonly dimensions: readonly string[];
}

export interface SetTarget {
  readonly actions: readonly SetAction[];
  readonly exist: boolean;
  /** Seconds; -1: the set's own. */
  readonly timeout: number;
  readonly map: readonly (typeof FLAGS)[number][];
}

function parseAction(given: Given, action: SetAction['action']): SetAction {
  const set = given.text(action);
  if (set === '' || set.length > MAX_NAME) given.fail(`set name ${set}, expected 1 to ${MAX_NAME} characters`, action);
  const dimensions = given.text(action, 1).split(',');
  const bad = dimensions.find((word) => word !== 'src' && word !== 'dst');
  if (bad !== undefined) given.fail(`direction ${bad}, expected src or dst`, action);
  if (dimensions.length > MAX_DIMENSIONS) given.fail(`more than ${MAX_DIMENSIONS} directions, expected fewer`, action);
  return { action, set, dimensions };
}

export const set: Target<SetTarget> = {
  name: 'SET',
  options: [
    ...ACTIONS.map((name) => ({ name, words: 2 }) as const),
    { name: 'exist', words: 0 },
    { name: 'timeout' },
    ...FLAGS.map((name) => ({ name, words: 0 }) as const),
  ],
  parse(given) {
    const actions = ACTIONS.filter((name) => given.has(name)).map((name) => parseAction(given, name));
    if (given.has('map-set') && given.table !== 'mangle')
      given.fail(`--map-set in table ${given.table}, expected mangle`, 'map-set');
    if (actions.length === 0) given.fail('no action, expected --add-set, --del-set or --map-set');
    return {
      actions,
      exist: given.has('exist'),
      timeout: given.has('timeout') ? given.uint('timeout', 0xffff_fffe) : -1,
      map: FLAGS.filter((name) => given.has(name)),
    };
  },
  sets: ({ actions }) => actions.map((action) => action.set),
  format({ actions, exist, timeout, map }) {
    const words = actions.map(({ action, set: name, dimensions }) => `--${action} ${name} ${dimensions.join(',')}`);
    // Both belong to --add-set, and are printed behind it.
    const add = actions.findIndex(({ action }) => action === 'add-set');
    if (add >= 0) words[add] += `${exist ? ' --exist' : ''}${timeout >= 0 ? ` --timeout ${timeout}` : ''}`;
    return [...words, ...map.map((flag) => `--${flag}`)].join(' ');
  },
  // No set holds anything here yet.
  compile: () => [],
  run: () => XT_CONTINUE,
};
