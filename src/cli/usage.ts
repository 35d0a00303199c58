/** What the command line understands: the help text, and the error of one who asks for something else. @module */

/** The command line, or what it names, is wrong: one line on stderr, exit status 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export const HELP = `podwire: the path of a packet through Linux, in user space

  podwire replay LAB [options]   send a capture through a described network; see what Linux would do
  podwire demo                   a built-in node: two pods, one Service, one packet each way (npm start)
  podwire --help | --version

replay
  LAB                       a case directory (topology.json, NS.rules, in.pcapng), or a YAML file with the same fields
  --in IN                   pcap or pcapng to inject; the interface's name is the port (default: in.pcapng beside LAB)
  --out OUT.pcapng          every frame that left a port
  --state DIR               NS.counters (iptables-save -c), NS.conntrack, NS.fdb, NS.neigh ... at the end
  --trace [text|json]       what happened to each packet, on stdout
  --lookup linear|indexed   how rules are looked up; the results are the same (default: indexed)
  --backend nft|legacy      which iptables the rules are for (default: the lab's, else nft)
  --seed N                  seed of what Linux leaves to chance (default: 1)
  --ignore-unknown          leave out rules with a match or target that is not known, and list them

Exit status: 0 done, 2 the input or the usage was wrong.
`;
