/** `-j SET`: enter the packet into an ipset or take it out, net/netfilter/xt_set.c. Sets themselves are in ipset/. @module */
import { FLAG_EXIST } from '../../ipset/request.ts';
import type { Packet } from '../../packet/packet.ts';
import type { Evaluation, Given, Target } from '../extension.ts';
import { XT_CONTINUE } from '../extension.ts';
import { MAX_DIMENSIONS, MAX_SET_NAME, RuleSet } from '../rule-set.ts';

const ACTIONS = ['add-set', 'del-set', 'map-set'] as const;
const FLAGS = ['map-mark', 'map-prio', 'map-queue'] as const;
/** Seconds that fit into the kernel's milliseconds. */
const MAX_TIMEOUT = Math.floor(0xffff_ffff / 1000);
const MAP_MARK = 1;
const MAP_PRIORITY = 2;
const [ADD, DELETE, MAP, MAP_FLAGS] = [0, 1, 2, 3] as const;

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
  if (set === '' || set.length > MAX_SET_NAME)
    given.fail(`set name ${set}, expected 1 to ${MAX_SET_NAME} characters`, action);
  const dimensions = given.text(action, 1).split(',');
  const bad = dimensions.find((word) => word !== 'src' && word !== 'dst');
  if (bad !== undefined) given.fail(`direction ${bad}, expected src or dst`, action);
  if (dimensions.length > MAX_DIMENSIONS) given.fail(`more than ${MAX_DIMENSIONS} directions, expected fewer`, action);
  return { action, set, dimensions };
}

function makeRuleSet({ action, set, dimensions }: SetAction, options: SetTarget, scope: Evaluation): RuleSet {
  const adds = action === 'add-set';
  const rule = new RuleSet(scope, set, dimensions, adds && options.exist ? FLAG_EXIST : 0);
  if (adds) rule.request.timeout = Math.min(options.timeout, MAX_TIMEOUT);
  return rule;
}

/** What the element that holds the packet says of its mark and its priority. A queue means nothing to a device here. */
function mapPacket(rule: RuleSet, flags: number, pkt: Packet, scope: Evaluation): void {
  const { request } = rule;
  request.mark = request.markMask = request.priority = 0;
  if (!rule.test(pkt, scope)) return;
  if ((flags & MAP_MARK) !== 0) pkt.mark = (pkt.mark & ~request.markMask) ^ request.mark;
  if ((flags & MAP_PRIORITY) !== 0) pkt.priority = request.priority;
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
  compile(options, to) {
    const place = (action: SetAction['action']): number => {
      const found = options.actions.find((each) => each.action === action);
      return found === undefined ? -1 : to.object((scope) => makeRuleSet(found, options, scope));
    };
    const flags =
      (options.map.includes('map-mark') ? MAP_MARK : 0) | (options.map.includes('map-prio') ? MAP_PRIORITY : 0);
    return [...ACTIONS.map(place), flags];
  },
  run(args, at, pkt, scope) {
    const { objects } = scope;
    if (args[at + ADD]! >= 0) (objects[args[at + ADD]!] as RuleSet).add(pkt, scope);
    if (args[at + DELETE]! >= 0) (objects[args[at + DELETE]!] as RuleSet).delete(pkt, scope);
    if (args[at + MAP]! >= 0) mapPacket(objects[args[at + MAP]!] as RuleSet, args[at + MAP_FLAGS]!, pkt, scope);
    return XT_CONTINUE;
  },
};
