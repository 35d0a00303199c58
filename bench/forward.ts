/** What does a packet cost that a node forwards, from one cable to the other? @module */
import { type Case, short, table, time } from './measure.ts';
import { CONNTRACK_RULES, datagram, establish, kubeProxyRules, Node, ONE_NODE, synTo, TWO_NODES } from './node.ts';

const BATCH = 256;
const SERVICES = 1000;
/** Longer than a connection lives that saw one packet. */
const MINUTES = 5 * 60e9;
const FIRST_PORT = 20_000;

const datagrams = Array.from({ length: BATCH }, (_, i) => datagram(FIRST_PORT + i));

function repeat(name: string, rules: string | null): Case {
  const node = new Node(rules);
  return { name, items: BATCH, run: () => node.send(datagrams) };
}

function established(where: string, topology: object): Case {
  const node = new Node(kubeProxyRules(SERVICES), 'indexed', topology);
  const segments = datagrams.map((_, i) => establish(node, i % SERVICES, FIRST_PORT + i));
  const name = `established flow to a Service (${SERVICES} Services)${where}`;
  return { name, items: BATCH, run: () => node.send(segments) };
}

function firstPackets(): Case {
  const node = new Node(kubeProxyRules(SERVICES));
  const syns = datagrams.map((_, i) => synTo((i * 7) % SERVICES, FIRST_PORT + i));
  const run = (): void => {
    node.send(syns);
    // The next time they are first packets again.
    node.lab.advance(node.lab.clock.now + MINUTES);
  };
  return { name: `first packet of a flow to a Service (${SERVICES} Services)`, items: BATCH, run };
}

export function forward(): void {
  const timings = time([
    repeat('no rules', null),
    repeat('conntrack, one flow each', CONNTRACK_RULES),
    established('', ONE_NODE),
    established(', bridge, VXLAN, another node', TWO_NODES),
    firstPackets(),
  ]);
  table(
    'Forwarding: ns a packet, port in to port out',
    ['', 'ns', 'million packets/s', 'spread %'],
    timings.map(({ name, nanoseconds, spread }) => [
      name,
      short(nanoseconds),
      (1e3 / nanoseconds).toFixed(2),
      spread.toFixed(0),
    ]),
  );
}
