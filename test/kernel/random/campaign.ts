/** Seed after seed through the kernel and through our lab. */
import { stateOf } from '../oracle/golden.ts';
import { Kernel } from '../oracle/kernel.ts';
import { type Experiment, play, setting, withFrames, withoutLine } from './experiment.ts';
import { ask, differences, jobOf, kindOf, show, shrink } from './judge.ts';

export interface Campaign {
  readonly from: number;
  readonly to: number;
  /** Seeds passed over: those of pending.ts. */
  readonly except: ReadonlySet<number>;
  /** Milliseconds since 1970 after which no seed is begun. */
  readonly until: number;
  readonly packets: number;
  readonly shrinks: boolean;
  /** Told of every difference, and of seeds that could not be asked about. */
  readonly report: (text: string) => void;
}

/** How often. */
export interface Counts {
  /** The seed after the last. */
  next: number;
  sets: number;
  packets: number;
  frames: number;
  different: number;
  /** Experiments that two runs of the kernel did not agree on. */
  chance: number;
  /** Experiments that somebody would not take, and rules that were left out of others. */
  refused: number;
  left: number;
}

const MOST_REFUSED = 12;

/** Which line of which text iptables-restore or our parser refuses. */
function refusedLine(message: string, texts: Experiment['texts']): [file: string, line: number] | null {
  const ours = /([\w.]+\.rules6?):(\d+):\d+: /.exec(message);
  if (ours !== null) return [ours[1]!, Number(ours[2])];
  const tool = /tables-\w+-restore: [\s\S]*line:? (\d+)/.exec(message);
  if (tool === null) return null;
  const suffix = message.includes('ip6tables') ? '.rules6' : '.rules';
  const file = Object.keys(texts).find((name) => name.endsWith(suffix));
  return file === undefined ? null : [file, Number(tool[1])];
}

class Run {
  readonly kernel = new Kernel();
  readonly counts: Counts;
  private readonly campaign: Campaign;

  constructor(campaign: Campaign) {
    this.campaign = campaign;
    this.counts = { next: campaign.from, sets: 0, packets: 0, frames: 0, different: 0, chance: 0, refused: 0, left: 0 };
  }

  async seed(seed: number): Promise<void> {
    const { kernel, counts, campaign } = this;
    const experiment = await this.prepare(seed);
    if (experiment === null) {
      counts.refused++;
      return;
    }
    const answer = await kernel.ask(jobOf(experiment));
    counts.sets += Object.keys(experiment.texts).filter((name) => /rules6?$/.test(name)).length;
    counts.packets += experiment.frames.length;
    counts.frames += answer.out.length;
    const found = (['linear', 'indexed'] as const).flatMap((lookup) =>
      differences(experiment, answer, play(experiment, lookup)),
    );
    if (found.length === 0) return;
    // What two runs of the kernel do not agree on was left to chance or to the clock.
    const second = await kernel.ask(jobOf(experiment));
    const other = { out: second.out, state: stateOf(second, experiment.topology) };
    if (differences(experiment, answer, other).length > 0) {
      counts.chance++;
      return;
    }
    counts.different++;
    const small = campaign.shrinks ? await shrink(kernel, experiment, kindOf(found)) : experiment;
    const last = campaign.shrinks ? await ask(kernel, small) : found;
    campaign.report([show(small), ...(last.length === 0 ? found : last).slice(0, 6), ''].join('\n'));
  }

  /** The experiment of a seed, without the rules that somebody will not take; null when those cannot be told. */
  private async prepare(seed: number): Promise<Experiment | null> {
    let experiment = setting(seed);
    for (let tries = 0; tries < MOST_REFUSED; tries++) {
      try {
        const whole = withFrames(experiment, this.campaign.packets);
        await this.kernel.ask({ ...jobOf(whole), frames: [] });
        return whole;
      } catch (error) {
        const refused = refusedLine((error as Error).message, experiment.texts);
        if (refused === null) return null;
        const line = experiment.texts[refused[0]]?.split('\n')[refused[1] - 1];
        if (line?.startsWith('-A') !== true) return null;
        this.counts.left++;
        experiment = { ...experiment, texts: withoutLine(experiment.texts, ...refused) };
      }
    }
    return null;
  }
}

export async function runCampaign(campaign: Campaign): Promise<Counts> {
  const run = new Run(campaign);
  const { counts } = run;
  for (; counts.next <= campaign.to && Date.now() < campaign.until; counts.next++) {
    if (campaign.except.has(counts.next)) continue;
    try {
      await run.seed(counts.next);
    } catch (error) {
      counts.different++;
      campaign.report(`seed ${counts.next}: ${(error as Error).stack}`);
    }
  }
  run.kernel.close();
  return counts;
}
