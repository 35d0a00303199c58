/** `-j REDIRECT`: the flow comes to this host; net/netfilter/xt_REDIRECT.c. @module */
import { NatRange } from '../../conntrack/nat-range.ts';
import { redirect as setUp } from '../../conntrack/nat-targets.ts';
import type { Target } from '../extension.ts';
import { compileRange, fillRange, formatMode, formatPorts, type NatTo, parseMode, parsePorts } from '../nat-spec.ts';

const range = new NatRange();

export const redirect: Target<NatTo> = {
  name: 'REDIRECT',
  tables: ['nat'],
  hooks: ['PREROUTING', 'OUTPUT'],
  needsConntrack: true,
  options: [{ name: 'to-ports' }, { name: 'random', words: 0 }],
  parse: (given) => ({
    ...(given.has('to-ports') ? { ports: parsePorts(given, 'to-ports', given.text('to-ports'), false) } : {}),
    ...parseMode(given),
  }),
  format: (options) =>
    ((options.ports === undefined ? '' : `--to-ports ${formatPorts(options.ports)}`) + formatMode(options)).trimStart(),
  compile: compileRange,
  run: (args, at, pkt, scope) => setUp(scope.conntrack, pkt, fillRange(range, args, at), scope.hook, scope.iif),
};
