/**
 * `-m limit`: a token bucket per rule. iptables-nft hands it to the kernel as an nft limit, which counts nanoseconds
 * (net/netfilter/nft_limit.c); iptables-legacy as xt_limit, which counts credits per jiffy in 32 bits and overflows for
 * slow rates (net/netfilter/xt_limit.c). @module
 */
import type { Evaluation, Match } from '../extension.ts';
import { HZ, jiffies } from '../jiffies.ts';
import { formatRate, parseRate } from '../rate.ts';

/** XT_LIMIT_SCALE: 1/10,000 of a second. */
const SCALE = 10_000;
const CREDITS_PER_JIFFY = 128; // POW2_BELOW32(0xffffffff / (HZ * 60 * 60 * 24))
const NSEC_PER_SEC = 1e9;

export interface Limit {
  /** Period of one packet in units of 100 us. */
  readonly avg: number;
  /** Packets. */
  readonly burst: number;
}

/** Places in the cells from `args[at]` on: those of nft_limit, then those of xt_limit. */
const SPENT = 0;
const FULL_AT = 1;
const COST = 2;
const BURST = 3;
const CREDIT = 4;
const PREV = 5;
const CREDIT_COST = 6;
const CREDIT_CAP = 7;

/** user2credits of xt_limit.c, in 32 bits as there. */
function userToCredits(user: number): number {
  const perSecond = HZ * CREDITS_PER_JIFFY;
  if (user > 0xffff_ffff / perSecond) return Math.imul(Math.floor(user / SCALE), perSecond) >>> 0;
  return Math.floor((user * perSecond) / SCALE);
}

/**
 * Tokens are nanoseconds, up to 10,000 days of them, too many for a double to count exactly. So what is counted is packets
 * since the bucket was last full.
 */
function nftAllows(cells: Float64Array, at: number, now: number): boolean {
  const cost = cells[at + COST]!;
  if (cells[at + SPENT]! * cost <= now - cells[at + FULL_AT]!) {
    cells[at + SPENT] = 0;
    cells[at + FULL_AT] = now;
  }
  const spent = cells[at + SPENT]! + 1;
  if ((spent - cells[at + BURST]!) * cost > now - cells[at + FULL_AT]!) return false;
  cells[at + SPENT] = spent;
  return true;
}

function legacyAllows(cells: Float64Array, at: number, now: number): boolean {
  const increase = (now - cells[at + PREV]!) * CREDITS_PER_JIFFY;
  const credit = Math.min((cells[at + CREDIT]! + increase) % 2 ** 32, cells[at + CREDIT_CAP]!);
  const left = credit - cells[at + CREDIT_COST]!;
  cells[at + PREV] = now;
  cells[at + CREDIT] = left >= 0 ? left : credit;
  return left >= 0;
}

export const limit: Match<Limit> = {
  name: 'limit',
  stateful: true,
  options: [{ name: 'limit' }, { name: 'limit-burst' }],
  parse: (given) => ({
    avg: given.has('limit') ? parseRate(given, 'limit', SCALE) : (SCALE * 3600) / 3,
    // 0 is refused by xt_limit and means the default to nft_limit.
    burst: (given.has('limit-burst') && given.uint('limit-burst', 10_000)) || 5,
  }),
  format: ({ avg, burst }) => `--limit ${formatRate(avg, SCALE)}${burst === 5 ? '' : ` --limit-burst ${burst}`}`,
  compile({ avg, burst }, to) {
    const { packets, seconds } = nftRate(avg);
    const cost = Math.floor((seconds * NSEC_PER_SEC) / packets);
    const credit = userToCredits(Math.imul(avg, burst) >>> 0);
    return [to.cells(0, 0, cost, burst, credit, 0, userToCredits(avg), credit)];
  },
  test: (args, at, _pkt, scope: Evaluation) =>
    scope.backend === 'nft'
      ? nftAllows(scope.cells, args[at]!, scope.ns.clock.now)
      : legacyAllows(scope.cells, args[at]!, jiffies(scope.ns.clock)),
};

/** The rate as iptables-nft gives it to nft_limit (add_nft_limit, iptables/nft.c): whole packets in a unit of time. */
function nftRate(avg: number): { packets: number; seconds: number } {
  const units = [86_400, 3600, 60, 1];
  let i = 1;
  while (i < units.length && avg <= units[i]! * SCALE) {
    const ticks = units[i]! * SCALE;
    if (Math.floor(ticks / avg) < ticks % avg) break;
    i++;
  }
  const seconds = units[i - 1]!;
  return { packets: Math.floor((seconds * SCALE) / avg), seconds };
}
