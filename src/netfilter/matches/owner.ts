/**
 * `-m owner`: who owns the socket that a local packet was sent by, net/netfilter/xt_owner.c. Processes are root's here. The
 * kernel's own sockets (ICMP, RST) have no process: for them user and group match only inverted. What is forwarded has no
 * socket at all. @module
 */
import { FLAG_SOCKET, hasSocket } from '../../packet/packet.ts';
import type { Given, Match } from '../extension.ts';
import { bang, boundedUint } from '../number.ts';

/** Bits of `tests` and `invert`, XT_OWNER_*. */
const UID = 1;
const GID = 2;
const SOCKET = 4;
const SUPPL = 8;
const MAX_ID = 0xffff_fffe;

export interface Owner {
  readonly tests: number;
  readonly invert: number;
  readonly uid: readonly [number, number];
  readonly gid: readonly [number, number];
}

function parseIds(given: Given, option: string): readonly [number, number] {
  const text = given.text(option);
  if (text === '') return [0, 0];
  if (text === 'root') return [0, 0];
  const [low, high = low, ...rest] = text.split(/[:-]/).map((word) => boundedUint(word));
  if (low === undefined || high === undefined || rest.length > 0 || low > high || high > MAX_ID)
    return given.fail(`${text}, expected a number or a range of 0-${MAX_ID}`, option);
  return [low, high];
}

const formatIds = ([low, high]: readonly [number, number]): string => (low === high ? `${low}` : `${low}-${high}`);

/** Would root's socket match? Root's process is in root's group alone. */
function ownedByRoot(tests: number, invert: number, uid: Owner['uid'], gid: Owner['gid']): boolean {
  if ((tests & invert & SOCKET) !== 0) return false;
  if ((tests & UID) !== 0 && (uid[0] === 0) === ((invert & UID) !== 0)) return false;
  return (tests & GID) === 0 || (gid[0] === 0) !== ((invert & GID) !== 0);
}

export const owner: Match<Owner> = {
  name: 'owner',
  hooks: ['OUTPUT', 'POSTROUTING'],
  options: [
    { name: 'uid-owner', invert: true },
    { name: 'gid-owner', invert: true },
    { name: 'socket-exists', words: 0, invert: true },
    { name: 'suppl-groups', words: 0 },
  ],
  parse(given) {
    let [tests, invert] = [0, 0];
    for (const [name, bit] of [
      ['uid-owner', UID],
      ['gid-owner', GID],
      ['socket-exists', SOCKET],
    ] as const) {
      if (given.has(name)) tests |= bit;
      if (given.inverted(name)) invert |= bit;
    }
    if (tests === 0) given.fail('no option, expected --uid-owner, --gid-owner or --socket-exists');
    if (given.has('suppl-groups')) {
      if ((tests & GID) === 0) given.fail('--suppl-groups alone, expected --gid-owner with it', 'suppl-groups');
      tests |= SUPPL;
    }
    return { tests, invert, uid: parseIds(given, 'uid-owner'), gid: parseIds(given, 'gid-owner') };
  },
  format({ tests, invert, uid, gid }) {
    const words: string[] = [];
    if ((tests & SOCKET) !== 0) words.push(`${bang((invert & SOCKET) !== 0)}--socket-exists`);
    if ((tests & UID) !== 0) words.push(`${bang((invert & UID) !== 0)}--uid-owner ${formatIds(uid)}`);
    if ((tests & GID) !== 0) words.push(`${bang((invert & GID) !== 0)}--gid-owner ${formatIds(gid)}`);
    if ((tests & SUPPL) !== 0) words.push('--suppl-groups');
    return words.join(' ');
  },
  compile: ({ tests, invert, uid, gid }) => [
    Number((tests ^ invert) === 0),
    Number((tests & invert & SOCKET) === 0 && ((tests ^ invert) & (UID | GID)) === 0),
    Number(ownedByRoot(tests, invert, uid, gid)),
  ],
  test(args, at, pkt) {
    if ((pkt.flags & FLAG_SOCKET) !== 0) return args[at + 2] === 1;
    return args[hasSocket(pkt) ? at + 1 : at] === 1;
  },
};
