/**
 * `npm run differential -- --seeds A-B [--minutes N] [--packets N] [--no-shrink]`: random rule sets and packets through the
 * kernel of this machine and through our lab; every difference is made small and printed with its seed.
 */
import { parseArgs } from 'node:util';
import { stateOf } from './oracle/golden.ts';
import { Kernel, obstacle } from './oracle/kernel.ts';
import { type Experiment, play, setting, withFrames, withoutLine } from './random/experiment.ts';
import { ask, differences, jobOf, kindOf, show, shrink } from './random/judge.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1-100' },
    minutes: { type: 'string', default: '1000' },
    packets: { type: 'string', default: '200' },
    'no-shrink': { type: 'boolean', default: false },
  },
});
const reason = obstacle();
if (reason !== '') {
  console.log(`cannot ask a kernel: ${reason}`);
  process.exit(0);
}
const [from, to] = values.seeds.split('-').map(Number) as [number, number?];
const end = Date.now() + Number(values.minutes) * 60_000;
const count = { sets: 0, packets: 0, frames: 0, different: 0, refused: 0, chance: 0, left: 0 };
const kernel = new Kernel();

/** Which line of which text iptables-restore or our parser refuses. */
function refusedLine(message: string, experiment: Experiment): [file: string, line: number] | null {
  const ours = /([\w.]+\.rules6?):(\d+):\d+: /.exec(message);
  if (ours !== null) return [ours[1]!, Number(ours[2])];
  const tool = /tables-\w+-restore: [\s\S]*line:? (\d+)/.exec(message);
  if (tool === null) return null;
  const suffix = message.includes('ip6tables') ? '.rules6' : '.rules';
  const file = Object.keys(experiment.texts).find((name) => name.endsWith(suffix));
  return file === undefined ? null : [file, Number(tool[1])];
}

/** The experiment of a seed, without the rules that somebody will not take; null when that cannot be told. */
async function prepare(seed: number): Promise<Experiment | null> {
  let experiment = setting(seed);
  for (let tries = 0; tries < 12; tries++) {
    try {
      const whole = withFrames(experiment, Number(values.packets));
      await kernel.ask({ ...jobOf(whole), frames: [] });
      return whole;
    } catch (error) {
      const message = (error as Error).message;
      const refused = refusedLine(message, experiment);
      const text = refused === null ? '' : (experiment.texts[refused[0]]?.split('\n')[refused[1] - 1] ?? '');
      if (!text.startsWith('-A')) {
        if (process.env['VERBOSE']) console.log(`seed ${seed} refused: ${message.slice(0, 400)} ${text}`);
        return null;
      }
      if (process.env['VERBOSE']) console.log(`seed ${seed} line out: ${text}: ${message.slice(0, 300)}`);
      count.left++;
      experiment = { ...experiment, texts: withoutLine(experiment.texts, ...refused!) };
    }
  }
  return null;
}

async function run(seed: number): Promise<void> {
  const experiment = await prepare(seed);
  if (experiment === null) {
    count.refused++;
    return;
  }
  const answer = await kernel.ask(jobOf(experiment));
  count.sets += Object.keys(experiment.texts).filter((name) => /rules6?$/.test(name)).length;
  count.packets += experiment.frames.length;
  count.frames += answer.out.length;
  const found = ['linear', 'indexed'].flatMap((lookup) =>
    differences(experiment, answer, play(experiment, lookup as 'linear' | 'indexed')),
  );
  if (found.length === 0) return;
  // What two runs of the kernel do not agree on was left to chance or to the clock.
  const second = await kernel.ask(jobOf(experiment));
  const kernels = { out: second.out, state: stateOf(second, experiment.topology) };
  if (differences(experiment, answer, kernels).length > 0) {
    count.chance++;
    return;
  }
  const again = await ask(kernel, experiment);
  if (again.length === 0) {
    console.log(`seed ${seed}: not again: ${found[0]}`);
    return;
  }
  count.different++;
  const small = values['no-shrink'] ? experiment : await shrink(kernel, experiment, kindOf(again));
  const last = values['no-shrink'] ? again : await ask(kernel, small);
  console.log(
    `${values['no-shrink'] ? `seed ${seed} ${experiment.shape}` : show(small)}\n${last.slice(0, 6).join('\n')}\n`,
  );
}

let seed = from;
for (; seed <= (to ?? from) && Date.now() < end; seed++) {
  try {
    await run(seed);
  } catch (error) {
    console.log(`seed ${seed}: ${(error as Error).stack}`);
  }
}
kernel.close();
console.log(`seeds ${from}-${seed - 1}: ${JSON.stringify(count)}`);
process.exitCode = count.different === 0 ? 0 : 1;
