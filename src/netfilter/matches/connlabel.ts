/** `-m connlabel [!] --label N [--set]`: one of 128 bits of a connection; net/netfilter/xt_connlabel.c. @module */
import type { Conntrack } from '../../conntrack/conntrack.ts';
import { IPCT_LABEL } from '../../conntrack/status.ts';
import type { Match } from '../extension.ts';
import { bang, boundedUint } from '../number.ts';

export interface ConnlabelTest {
  readonly label: number;
  readonly set: boolean;
  readonly invert: boolean;
}

/** Connections have room for labels from the moment on when a rule asks for one. */
class Labels {
  readonly conntrack: Conntrack;

  constructor(conntrack: Conntrack) {
    this.conntrack = conntrack;
    conntrack.table.useLabels();
  }

  /** Has the connection the label, or got it now? */
  has(ct: number, label: number, set: boolean): boolean {
    const { labels } = this.conntrack.table;
    const at = 4 * ct + (label >>> 5);
    const bit = 1 << (label & 31);
    if ((labels[at]! & bit) !== 0) return true;
    if (!set) return false;
    labels[at]! |= bit;
    this.conntrack.event(ct, IPCT_LABEL);
    return true;
  }
}

export const connlabel: Match<ConnlabelTest> = {
  name: 'connlabel',
  needsConntrack: true,
  stateful: true,
  options: [
    { name: 'label', invert: true, required: true },
    { name: 'set', words: 0 },
  ],
  parse(given) {
    const label = boundedUint(given.text('label'), 127);
    if (label === undefined) return given.fail(`label ${given.text('label')}, expected 0 to 127`, 'label');
    return { label, set: given.has('set'), invert: given.inverted('label') };
  },
  format: ({ label, set, invert }) => `${bang(invert)}--label "${label}"${set ? ' --set' : ''}`,
  compile: ({ label, set, invert }, to) => [
    to.object((scope) => new Labels(scope.conntrack)),
    label,
    Number(set),
    Number(invert),
  ],
  test(args, at, pkt, scope) {
    const labels = scope.objects[args[at]!] as Labels;
    const found = pkt.ct >= 0 && labels.has(pkt.ct, args[at + 1]!, args[at + 2] === 1);
    return found !== (args[at + 3] === 1);
  },
};
