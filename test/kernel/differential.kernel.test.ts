/**
 * Random rules and packets through this machine's own kernel and through a lab: see README.md. Needs root, network namespaces
 * and iptables, and is asked for with KERNEL=1; KERNEL_MINUTES says how long, KERNEL_SEED with which seed it begins.
 */
import { expect, test } from 'vitest';
import { obstacle } from './oracle/kernel.ts';
import { runCampaign } from './random/campaign.ts';

const MINUTE = 60_000;
const minutes = Number(process.env['KERNEL_MINUTES'] ?? 3);
const from = Number(process.env['KERNEL_SEED'] ?? 1);
const reason = process.env['KERNEL'] === '1' ? obstacle() : 'KERNEL=1 not set';

test.skipIf(reason !== '')(
  `random rules and packets, as this machine's kernel${reason && ` (skipped: ${reason})`}`,
  { timeout: (minutes + 3) * MINUTE },
  async () => {
    const reports: string[] = [];
    const until = Date.now() + minutes * MINUTE;
    const report = (text: string): void => void reports.push(text);
    const counts = await runCampaign({ from, to: Infinity, until, packets: 200, shrinks: true, report });
    console.log(`seeds ${from}-${counts.next - 1}: ${JSON.stringify(counts)}`);
    expect(reports.join('\n')).toBe('');
    expect(counts.sets).toBeGreaterThan(0);
  },
);
