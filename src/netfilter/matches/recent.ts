/** `-m recent`: has this address been seen before, and when? net/netfilter/xt_recent.c. @module */
import { format4, format6, parse4, parse6 } from '../../packet/address.ts';
import { ETH_P_IPV6 } from '../../packet/ethernet.ts';
import { hasSocket } from '../../packet/packet.ts';
import type { Evaluation, Family, Given, Match } from '../extension.ts';
import { HZ, jiffies } from '../jiffies.ts';
import { bang } from '../number.ts';
import { type RecentMask, type RecentTable, recentTables } from '../recent-table.ts';

const ACTIONS = ['set', 'rcheck', 'update', 'remove'] as const;
/** XT_RECENT_MAX_NSTAMPS. */
const MAX_STAMPS = 65_536;
/** XT_RECENT_NAME_LEN, with the end of the string. */
const NAME_LEN = 200;
const ALL: RecentMask = [-1, -1, -1, -1];

export interface Recent {
  readonly action: (typeof ACTIONS)[number];
  readonly invert: boolean;
  /** 0: not given. */
  readonly seconds: number;
  readonly reap: boolean;
  readonly hitcount: number;
  /** Tell apart by TTL, too. */
  readonly rttl: boolean;
  readonly name: string;
  readonly mask: RecentMask;
  readonly side: 'rsource' | 'rdest';
}

const SET = 0;
const UPDATE = 2;
const REMOVE = 3;
/** Offsets in `args`. */
const [TABLE, ACTION, INVERT, SECONDS, HITS, FLAGS] = [0, 1, 2, 3, 4, 5] as const;
const RTTL = 1;
const REAP = 2;
const DEST = 4;

function parseMask(given: Given): RecentMask {
  if (!given.has('mask')) return ALL;
  const text = given.text('mask');
  if (given.family === 'ipv6') return parse6(text) ?? given.fail(`${text}, expected an IPv6 mask`, 'mask');
  const mask = parse4(/^\d+$/.test(text) ? `0.0.0.${text}` : text);
  return mask === undefined ? given.fail(`${text}, expected a mask such as 255.255.255.0`, 'mask') : [mask, 0, 0, 0];
}

const formatMask = (mask: RecentMask, family: Family): string => (family === 'ipv4' ? format4(mask[0]) : format6(mask));

function parseAction(given: Given): Recent['action'] {
  const [action, second] = ACTIONS.filter((name) => given.has(name));
  if (action === undefined) return given.fail('no action, expected --set, --rcheck, --update or --remove');
  if (second !== undefined) return given.fail(`--${second} beside --${action}, expected one action`, second);
  if (action === 'set' || action === 'remove') {
    const extra = ['seconds', 'reap', 'hitcount', 'rttl'].find((option) => given.has(option));
    if (extra !== undefined) return given.fail(`--${extra} with --${action}, expected --rcheck or --update`, extra);
  }
  return action;
}

export const recent: Match<Recent> = {
  name: 'recent',
  stateful: true,
  options: [
    ...ACTIONS.map((name) => ({ name, words: 0, invert: true }) as const),
    { name: 'seconds' },
    { name: 'reap', words: 0 },
    { name: 'hitcount' },
    { name: 'rttl', words: 0 },
    { name: 'name' },
    { name: 'mask' },
    { name: 'rsource', words: 0 },
    { name: 'rdest', words: 0 },
  ],
  parse(given) {
    const action = parseAction(given);
    const seconds = given.has('seconds') ? given.uint('seconds', 0xffff_ffff, 1) : 0;
    if (given.has('reap') && seconds === 0) given.fail('--reap alone, expected --seconds with it', 'reap');
    const name = given.has('name') ? given.text('name').slice(0, NAME_LEN - 1) : 'DEFAULT';
    // It becomes the name of a file in /proc: xt_check_proc_name.
    if (name === '' || name === '.' || name === '..' || name.includes('/'))
      given.fail(`${name}, expected a name without a slash`, 'name');
    return {
      action,
      invert: given.inverted(action),
      seconds,
      reap: given.has('reap'),
      hitcount: given.has('hitcount') ? given.uint('hitcount', MAX_STAMPS - 1) : 0,
      rttl: given.has('rttl'),
      name,
      mask: parseMask(given),
      side: given.has('rdest') ? 'rdest' : 'rsource',
    };
  },
  format(options, family) {
    const words = [`${bang(options.invert)}--${options.action}`];
    if (options.seconds !== 0) words.push(`--seconds ${options.seconds}`);
    if (options.reap) words.push('--reap');
    if (options.hitcount !== 0) words.push(`--hitcount ${options.hitcount}`);
    if (options.rttl) words.push('--rttl');
    words.push(`--name ${options.name} --mask ${formatMask(options.mask, family)} --${options.side}`);
    return words.join(' ');
  },
  compile: ({ action, invert, seconds, reap, hitcount, rttl, name, mask, side }, to) => [
    to.object((scope) => recentTables(scope.ns).get(name, mask, hitcount)),
    ACTIONS.indexOf(action),
    Number(invert),
    seconds,
    hitcount,
    (rttl ? RTTL : 0) | (reap ? REAP : 0) | (side === 'rdest' ? DEST : 0),
  ],
  test(args, at, pkt, scope: Evaluation) {
    const table = scope.objects[args[at + TABLE]!] as RecentTable;
    const action = args[at + ACTION]!;
    const flags = args[at + FLAGS]!;
    const invert = args[at + INVERT] === 1;
    const v6 = pkt.protocol === ETH_P_IPV6;
    const words = v6 ? 4 : 1;
    const address = pkt.l3 + (v6 ? 8 : 12) + ((flags & DEST) !== 0 ? 4 * words : 0);
    let ttl = pkt.view.getUint8(pkt.l3 + (v6 ? 7 : 8));
    // As it was before forwarding took one off. The kernel knows what was forwarded by its having no socket.
    if (scope.oif.index !== 0 && !hasSocket(pkt)) ttl = (ttl + 1) & 255;
    const now = jiffies(scope.ns.clock);

    const row = table.find(pkt.view, address, words, (flags & RTTL) !== 0 ? ttl : 0);
    if (row < 0) {
      if (action !== SET) return invert;
      table.enter(words, ttl, now);
      return !invert;
    }
    if (action === SET) {
      table.update(row, ttl, now);
      return !invert;
    }
    if (action === REMOVE) {
      table.remove(row);
      return !invert;
    }
    const since = now - (args[at + SECONDS]! >>> 0) * HZ;
    const seen = table.seen(row, args[at + SECONDS] === 0 ? Number.NEGATIVE_INFINITY : since, args[at + HITS]!);
    const result = seen !== invert;
    const touch = action === UPDATE && result;
    if ((flags & REAP) !== 0) table.reap(since, touch ? row : -1);
    if (touch) table.update(row, ttl, now);
    return result;
  },
};
