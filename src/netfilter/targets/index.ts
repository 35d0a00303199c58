/** The targets that `-j` knows beside the standard verdicts: a target is one file here and one line below. @module */
import type { Family, Target } from '../extension.ts';
import { audit } from './audit.ts';
import { checksum } from './checksum.ts';
import { classify } from './classify.ts';
import { connmark } from './connmark.ts';
import { connsecmark } from './connsecmark.ts';
import { ct } from './ct.ts';
import { dnat } from './dnat.ts';
import { dnpt } from './dnpt.ts';
import { dscp } from './dscp.ts';
import { ecn } from './ecn.ts';
import { hl } from './hl.ts';
import { log } from './log.ts';
import { mark } from './mark.ts';
import { masquerade } from './masquerade.ts';
import { netmap } from './netmap.ts';
import { nflog } from './nflog.ts';
import { nfqueue } from './nfqueue.ts';
import { notrack } from './notrack.ts';
import { redirect } from './redirect.ts';
import { reject } from './reject.ts';
import { set } from './set.ts';
import { snat } from './snat.ts';
import { snpt } from './snpt.ts';
import { tcpmss } from './tcpmss.ts';
import { tcpoptstrip } from './tcpoptstrip.ts';
import { tee } from './tee.ts';
import { tos } from './tos.ts';
import { tproxy } from './tproxy.ts';
import { trace } from './trace.ts';
import { ttl } from './ttl.ts';

const TARGETS: readonly Target[] = [
  audit,
  checksum,
  classify,
  connmark,
  connsecmark,
  ct,
  dnat,
  dnpt,
  dscp,
  ecn,
  hl,
  log,
  mark,
  masquerade,
  netmap,
  nflog,
  nfqueue,
  notrack,
  redirect,
  reject,
  set,
  snat,
  snpt,
  tcpmss,
  tcpoptstrip,
  tee,
  tos,
  tproxy,
  trace,
  ttl,
];

function byName(family: Family): ReadonlyMap<string, Target> {
  const map = new Map<string, Target>();
  for (const target of TARGETS) {
    if (target.families !== undefined && !target.families.includes(family)) continue;
    for (const name of [target.name, ...(target.aliases ?? [])]) map.set(name, target);
  }
  return map;
}

const registry: Readonly<Record<Family, ReadonlyMap<string, Target>>> = { ipv4: byName('ipv4'), ipv6: byName('ipv6') };

/** A target by its name or another spelling of it, or undefined. */
export const findTarget = (name: string, family: Family): Target | undefined => registry[family].get(name);
