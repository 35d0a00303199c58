/** `npx tsx test/kernel/show.ts CASE...`: prints what went into a case and what the kernel did with it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { areas, type KernelCase, readArea, readCase } from './case.ts';
import { describeFrame, inputsOf } from './run-case.ts';

interface Golden {
  readonly in: number;
  readonly port?: string;
  readonly hex?: string;
  readonly mask?: readonly { readonly field: string }[];
  readonly line?: string;
  readonly text?: string;
}

const find = (name: string): KernelCase | undefined =>
  existsSync(join(name, 'topology.json'))
    ? readCase(name)
    : areas()
        .flatMap(readArea)
        .find((kase) => kase.name === name);

const list = (kase: KernelCase, file: string): readonly Golden[] => JSON.parse(kase.golden.get(file) ?? '[]');

function show(kase: KernelCase): void {
  const topology = JSON.parse(kase.files.get('topology.json') as string) as { desc: string };
  console.log(`== ${kase.name}: ${topology.desc}`);
  for (const [file, text] of kase.files) {
    if (file.endsWith('.rules') || file.endsWith('.ipset')) console.log(`--- ${file}\n${text}`);
  }
  const [out, log, errors] = [list(kase, 'out.json'), list(kase, 'log.json'), list(kase, 'senderr.json')];
  for (const [i, { port, bytes, at }] of inputsOf(kase).entries()) {
    console.log(`#${i} ${at / 1e6} ms ${port}< ${describeFrame(bytes)}`);
    for (const frame of out.filter((entry) => entry.in === i)) {
      const mask = frame.mask === undefined ? '' : `  ~${frame.mask.map(({ field }) => field).join(',')}`;
      console.log(`      ${frame.port}> ${describeFrame(new Uint8Array(Buffer.from(frame.hex!, 'hex')))}${mask}`);
    }
    for (const entry of log.filter((entry) => entry.in === i)) console.log(`      log ${entry.line}`);
    for (const entry of errors.filter((entry) => entry.in === i)) console.log(`      send error: ${entry.text}`);
  }
  for (const [file, text] of kase.golden) {
    if (!file.endsWith('.json') && text !== '') console.log(`--- ${file}\n${text}`);
  }
}

for (const name of process.argv.slice(2)) {
  const kase = find(name);
  if (kase === undefined) throw new Error(`no case directory or case ${name}`);
  show(kase);
}
