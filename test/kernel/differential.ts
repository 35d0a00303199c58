/**
 * `npm run differential -- [--seeds A-B] [--minutes N] [--packets N] [--no-shrink]`: random rule sets and packets through the
 * kernel of this machine and through our lab; every difference is made small and printed with its seed.
 */
import { parseArgs } from 'node:util';
import { obstacle } from './oracle/kernel.ts';
import { runCampaign } from './random/campaign.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1-1000000' },
    minutes: { type: 'string', default: '20' },
    packets: { type: 'string', default: '200' },
    'no-shrink': { type: 'boolean', default: false },
  },
});
const reason = obstacle();
if (reason !== '') {
  console.log(`cannot ask a kernel: ${reason}`);
  process.exit(0);
}
const [from = 1, to = from] = values.seeds.split('-').map(Number);
const { next, ...counts } = await runCampaign({
  from,
  to,
  except: new Set(),
  until: Date.now() + Number(values.minutes) * 60_000,
  packets: Number(values.packets),
  shrinks: !values['no-shrink'],
  report: (text) => console.log(text),
});
console.log(`seeds ${from}-${next - 1}: ${JSON.stringify(counts)}`);
process.exitCode = counts.different === 0 ? 0 : 1;
