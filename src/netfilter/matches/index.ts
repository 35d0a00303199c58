/** The matches that `-m` knows, by family and name: a match is one file here and one line below. @module */
import type { Family, Match } from '../extension.ts';
import { comment } from './comment.ts';
import { dscp } from './dscp.ts';
import { hl } from './hl.ts';
import { length } from './length.ts';
import { limit } from './limit.ts';
import { physdev } from './physdev.ts';
import { recent } from './recent.ts';
import { tos } from './tos.ts';
import { ttl } from './ttl.ts';

const MATCHES: readonly Match[] = [comment, ttl, hl, length, dscp, tos, physdev, limit, recent];

/** Names that iptables takes for one extension of each family (xtables_find_match). */
function byName(family: Family): ReadonlyMap<string, Match> {
  const map = new Map<string, Match>();
  for (const match of MATCHES) {
    if (match.families !== undefined && !match.families.includes(family)) continue;
    for (const name of [match.name, ...(match.aliases ?? [])]) map.set(name, match);
  }
  return map;
}

const registry: Readonly<Record<Family, ReadonlyMap<string, Match>>> = { ipv4: byName('ipv4'), ipv6: byName('ipv6') };

/** A match by its name or another spelling of it, or undefined. */
export const findMatch = (name: string, family: Family): Match | undefined => registry[family].get(name);
