/** `-m bpf`: a classic BPF program decides, net/netfilter/xt_bpf.c. @module */
import { BPF_MAXINSNS, type BpfInstruction, checkBpf, compileBpf, runBpf } from '../bpf-program.ts';
import type { Given, Match } from '../extension.ts';

export interface Bpf {
  readonly program: readonly BpfInstruction[];
}

/** `N,code jt jf k,...`: sscanf reads each number as far as its digits go. */
function parseProgram(given: Given): BpfInstruction[] {
  const text = given.text('bytecode');
  const [head = '', ...words] = text.split(',');
  const count = /^\d+$/.test(head) ? Number(head) : 0;
  if (count === 0 || count > BPF_MAXINSNS)
    return given.fail(`${head}, expected the number of instructions, 1-${BPF_MAXINSNS}`, 'bytecode');
  if (words.at(-1)?.trim() === '') words.pop();
  if (words.length !== count) given.fail(`${words.length} instructions, expected ${count}`, 'bytecode');
  return words.map((word) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)/.exec(word);
    if (match === null) return given.fail(`${word}, expected CODE JT JF K`, 'bytecode');
    const [code, jt, jf, k] = match.slice(1).map(Number) as [number, number, number, number];
    return { code: code & 0xffff, jt: jt & 255, jf: jf & 255, k: k >>> 0 };
  });
}

export const bpf: Match<Bpf> = {
  name: 'bpf',
  options: [{ name: 'bytecode', required: true }],
  parse(given) {
    const program = parseProgram(given);
    const wrong = checkBpf(program);
    return wrong === null ? { program } : given.fail(`${wrong}, expected a valid program`, 'bytecode');
  },
  format({ program }) {
    const words = program.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`);
    return `--bytecode "${program.length},${words.join(',')}"`;
  },
  compile: ({ program }) => compileBpf(program),
  test: (args, at, pkt, scope) => runBpf(args, at, pkt, scope) !== 0,
};
