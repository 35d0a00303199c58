/** `-m realm`: the routing realm of the packet's route, net/netfilter/xt_realm.c. Routes have none here: realm 0. @module */
import type { Match } from '../extension.ts';
import { formatNamed, type NamedValue, parseNamed } from '../named-value.ts';
import { bang } from '../number.ts';

/** /etc/iproute2/rt_realms. */
const NAMES: ReadonlyMap<string, number> = new Map([['cosmos', 0]]);

export interface Realm extends NamedValue {
  readonly invert: boolean;
}

export const realm: Match<Realm> = {
  name: 'realm',
  families: ['ipv4'],
  hooks: ['INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  options: [{ name: 'realm', invert: true, required: true }],
  parse: (given) => ({ ...parseNamed(given, 'realm', NAMES), invert: given.inverted('realm') }),
  format: (options) => `${bang(options.invert)}--realm ${formatNamed(options, NAMES)}`,
  compile: ({ value, invert }) => [Number((value === 0) !== invert)],
  test: (args, at) => args[at] === 1,
};
