/**
 * `-j NFQUEUE`: hand the packet to a program. None listens here, so it is dropped, or with `--queue-bypass` accepted;
 * net/netfilter/xt_NFQUEUE.c and nf_queue.c. @module
 */
import { NF_ACCEPT, NF_STOLEN } from '../../net/hook.ts';
import { reason } from '../../packet/reason.ts';
import type { Given, Target } from '../extension.ts';
import { boundedUint } from '../number.ts';

const NOT_SPECIFIED = reason('NOT_SPECIFIED');

export interface Nfqueue {
  /** The queues that share the load. */
  readonly first: number;
  readonly last: number;
  readonly bypass: boolean;
  readonly cpuFanout: boolean;
}

function parseQueues(given: Given): { first: number; last: number } {
  if (!given.has('queue-balance')) {
    const queue = given.has('queue-num') ? given.uint('queue-num', 0xffff) : 0;
    return { first: queue, last: queue };
  }
  if (given.has('queue-num')) given.fail('--queue-balance beside --queue-num, expected one of them', 'queue-balance');
  const text = given.text('queue-balance');
  const [first, last, ...rest] = text.split(':').map((word) => boundedUint(word, 0xffff));
  if (first === undefined || last === undefined || rest.length > 0 || first >= last)
    return given.fail(`${text}, expected a range of queues such as 0:3`, 'queue-balance');
  return { first, last };
}

export const nfqueue: Target<Nfqueue> = {
  name: 'NFQUEUE',
  options: [
    { name: 'queue-num' },
    { name: 'queue-balance' },
    { name: 'queue-bypass', words: 0 },
    { name: 'queue-cpu-fanout', words: 0 },
  ],
  parse(given) {
    if (given.has('queue-cpu-fanout') && !given.has('queue-balance'))
      given.fail('--queue-cpu-fanout alone, expected --queue-balance with it', 'queue-cpu-fanout');
    return { ...parseQueues(given), bypass: given.has('queue-bypass'), cpuFanout: given.has('queue-cpu-fanout') };
  },
  format({ first, last, bypass, cpuFanout }) {
    const queues = first === last ? `--queue-num ${first}` : `--queue-balance ${first}:${last}`;
    return `${queues}${bypass ? ' --queue-bypass' : ''}${cpuFanout ? ' --queue-cpu-fanout' : ''}`;
  },
  compile: ({ bypass }) => [Number(bypass)],
  run(args, at, pkt, { ns }) {
    if (args[at] === 1) return NF_ACCEPT;
    // nf_queue drops it by itself, so that nobody hears of an error.
    ns.drop(pkt, NOT_SPECIFIED);
    return NF_STOLEN;
  },
};
