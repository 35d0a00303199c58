/** `-j MASQUERADE`: the flow comes from the address of the device it leaves by; net/netfilter/xt_MASQUERADE.c. @module */
import { NatRange } from '../../conntrack/nat-range.ts';
import { masquerade as setUp } from '../../conntrack/nat-targets.ts';
import type { Target } from '../extension.ts';
import {
  compileRange,
  fillRange,
  formatMode,
  formatPorts,
  type NatTo,
  type PortSpec,
  parseMode,
  parsePorts,
} from '../nat-spec.ts';

const range = new NatRange();

export const masquerade: Target<NatTo> = {
  name: 'MASQUERADE',
  tables: ['nat'],
  hooks: ['POSTROUTING'],
  needsConntrack: true,
  options: [{ name: 'to-ports' }, { name: 'random', words: 0 }, { name: 'random-fully', words: 0 }],
  parse: (given) => ({
    ...(given.has('to-ports')
      ? { ports: withoutBase(parsePorts(given, 'to-ports', given.text('to-ports'), true)) }
      : {}),
    ...parseMode(given),
  }),
  format: (options) =>
    ((options.ports === undefined ? '' : `--to-ports ${formatPorts(options.ports)}`) + formatMode(options)).trimStart(),
  compile: compileRange,
  run: (args, at, pkt, scope) => setUp(scope.conntrack, pkt, fillRange(range, args, at), scope.oif),
};

/** iptables reads a base port here, and loses all of it but that there was one. */
const withoutBase = (ports: PortSpec): PortSpec => (ports.base === undefined ? ports : { ...ports, base: 0 });
