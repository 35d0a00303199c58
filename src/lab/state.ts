/**
 * What a lab holds, as texts: one for each table of each namespace, under the names and in the words of the kernel's tools
 * (`iptables-save -c`, /proc/net/nf_conntrack, `bridge fdb`, `ip neigh`). @module
 */
import { conntrackList } from '../conntrack/listing.ts';
import { saveSets } from '../ipset/restore.ts';
import { type RecentTable, recentTables } from '../netfilter/recent-table.ts';
import { bridgeFdb } from '../overlay/fdb-listing.ts';
import type { LabNamespace } from './build.ts';
import type { Journal } from './journal.ts';
import type { LabSource } from './source.ts';
import type { Link } from './topology.ts';
import { bridgeVlanLines } from './vlans.ts';

const asLines = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** A list as JSON, one element a line. */
const asJson = (list: readonly unknown[]): string =>
  list.length === 0 ? '[]\n' : `[\n${list.map(spaced).join(',\n')}\n]\n`;

/** JSON with a blank behind every `:` and `,`. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).map(([key, field]) => `${JSON.stringify(key)}: ${spaced(field)}`);
  return `{${fields.join(', ')}}`;
}

/** Group addresses, which a kernel has many of by itself, are left out. */
const GROUPS = /^(33:33|01:00:5e|01:80:c2):/;

const forwards = ({ type }: Link): boolean => type === 'bridge' || type === 'vxlan';

/** The kernel's packets have random IP ids; a line of a packet without one tells it. */
const withoutId = (line: string): string => (line.includes('ID=0') ? line : line.replace(/ ID=\d+/g, ' ID=*'));

/** Texts by file name; a table that does not exist, or is empty where the kernel's tool prints nothing, has none. */
export function labState(
  source: LabSource,
  namespaces: ReadonlyMap<string, LabNamespace>,
  journal: Journal | null,
): Map<string, string> {
  const state = new Map<string, string>();
  for (const [name, node] of namespaces) {
    if (source.rules.has(name)) state.set(`${name}.counters`, node.netfilter.save({ counters: true }));
    if (source.rules6.has(name)) {
      state.set(`${name}.counters6`, node.netfilter.save({ counters: true, family: 'ipv6' }));
    }
    if (source.topology.namespaces[name]!.links.some(forwards)) {
      state.set(`${name}.fdb`, asLines(bridgeFdb(node.ns).filter((line) => !GROUPS.test(line))));
    }
    if (source.ipset.has(name)) state.set(`${name}.ipset`, sortedSets(saveSets(node.netfilter.sets)));
    const vlans = bridgeVlanLines(node.ns);
    if (vlans.length > 0) state.set(`${name}.vlan`, asLines(vlans));
    addTables(state, name, node);
  }
  if (journal === null) return state;
  journal.collectDrops();
  state.set('drops.json', asJson(journal.drops));
  if (source.topology.log === true || journal.logs.length > 0) {
    state.set('log.json', asJson(journal.logs.map(({ in: input, line }) => ({ in: input, line: withoutId(line) }))));
  }
  if (journal.sendErrors.length > 0) state.set('senderr.json', asJson(journal.sendErrors));
  if (journal.walk.length > 0) state.set('ctwalk.json', asJson(journal.walk));
  return state;
}

/** Lists of -m recent: addresses with the number of times they were seen, without the times. */
function recentJson(tables: readonly RecentTable[]): string {
  const timeless = (line: string): string =>
    line.replace(/last_seen: \d+/, 'last_seen: *').replace(/(oldest_pkt: \d+).*/, '$1');
  const entries = tables.map((table) => [table.name, table.lines().map(timeless)] as const);
  const sorted = entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(sorted), null, 1).replace(/^ +/gm, '')}\n`;
}

/** `ipset save` with its lines sorted, and without what the kernel draws at random: the order of elements, hash seeds. */
const sortedSets = (saved: string): string =>
  asLines(
    saved
      .replace(/ initval 0x[\da-f]+/g, '')
      .split('\n')
      .slice(0, -1)
      .sort(),
  );

function addTables(state: Map<string, string>, name: string, { ns, conntrack }: LabNamespace): void {
  state.set(`${name}.conntrack`, asLines(conntrackList(conntrack)));
  const neighbours = ns.neigh.list();
  if (neighbours.length > 0) state.set(`${name}.neigh`, asLines(neighbours));
  const recent = recentTables(ns).list();
  if (recent.length > 0) state.set(`${name}.recent.json`, recentJson(recent));
}
