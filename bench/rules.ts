/** What does a Service cost to find: by a walk through all rules, and by the index, as Services grow? @module */
import { type Case, short, table, time } from './measure.ts';
import { kubeProxyRules, type Lookup, Node, synTo } from './node.ts';

const MINUTES = 5 * 60e9;
const FIRST_PORT = 20_000;
const LINEAR = [10, 1000, 10_000];
const INDEXED = [10, 1000, 10_000, 50_000];

interface Point extends Case {
  readonly lookup: Lookup;
  readonly services: number;
  readonly place: string;
  /** Rules compared for one packet. */
  readonly visits: number;
}

/** First packets of flows to one Service of a node. */
function point(node: Node, lookup: Lookup, services: number, place: string, service: number): Point {
  const items = lookup === 'linear' ? Math.max(16, Math.ceil(40_000 / services)) : 256;
  const syns = Array.from({ length: Math.min(items, 256) }, (_, i) => synTo(service, FIRST_PORT + i));
  const run = (): void => {
    node.send(syns);
    node.lab.advance(node.lab.clock.now + MINUTES);
  };
  const before = node.netfilter.visits;
  run();
  const visits = (node.netfilter.visits - before) / syns.length;
  return { name: `${lookup} ${services} ${place}`, items: syns.length, run, lookup, services, place, visits };
}

function points(lookup: Lookup, services: number): Point[] {
  const node = new Node(kubeProxyRules(services), lookup);
  return [
    point(node, lookup, services, 'first', 0),
    point(node, lookup, services, 'middle', services >> 1),
    point(node, lookup, services, 'last', services - 1),
  ];
}

export function rules(): void {
  const all = [...LINEAR.flatMap((n) => points('linear', n)), ...INDEXED.flatMap((n) => points('indexed', n))];
  const timings = time(all);
  const nanoseconds = (at: number): number => timings[at]!.nanoseconds;
  const perRule = (at: number): string => {
    // Against the first Service of the same node: what is left is the walk.
    const rest = all[at]!.visits - all[at - (at % 3)]!.visits;
    return rest < 100 ? '' : ((nanoseconds(at) - nanoseconds(at - (at % 3))) / rest).toFixed(2);
  };
  table(
    'First packet of a flow to a Service: ns a packet, and rules compared with it in all tables',
    ['lookup', 'Services', 'place', 'ns', 'rules', 'ns a rule'],
    all.map(({ lookup, services, place, visits }, i) => [
      lookup,
      String(services),
      place,
      short(nanoseconds(i)),
      visits.toFixed(0),
      perRule(i),
    ]),
  );
}
