/**
 * Random rules and packets through this machine's own kernel and through a lab: see README.md. Needs root, network namespaces
 * and iptables, and is asked for with KERNEL=1; KERNEL_SEEDS=A-B says which, KERNEL_MINUTES for how long at the most.
 */
import { expect, test } from 'vitest';
import { obstacle } from './oracle/kernel.ts';
import { OPEN_SEEDS } from './pending.ts';
import { runCampaign } from './random/campaign.ts';

const MINUTE = 60_000;
const minutes = Number(process.env['KERNEL_MINUTES'] ?? 6);
const [from = 1, to = from] = (process.env['KERNEL_SEEDS'] ?? '1-300').split('-').map(Number);
const except = new Set(Object.keys(OPEN_SEEDS).map(Number));
const reason = process.env['KERNEL'] === '1' ? obstacle() : 'KERNEL=1 not set';

test.skipIf(reason !== '')(
  `random rules and packets, as this machine's kernel${reason && ` (skipped: ${reason})`}`,
  { timeout: (minutes + 3) * MINUTE },
  async () => {
    const reports: string[] = [];
    const until = Date.now() + minutes * MINUTE;
    const report = (text: string): void => void reports.push(text);
    const counts = await runCampaign({ from, to, except, until, packets: 200, shrinks: true, report });
    console.log(`seeds ${from}-${counts.next - 1}: ${JSON.stringify(counts)}`);
    expect(reports.join('\n')).toBe('');
    expect(counts.sets).toBeGreaterThan(0);
  },
);
