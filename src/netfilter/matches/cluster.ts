/** `-m cluster`: this node's share of the connections, by a hash of their source; net/netfilter/xt_cluster.c. @module */
import { IPV6, Tuple } from '../../conntrack/tuple.ts';
import { ETH_P_IPV6 } from '../../packet/ethernet.ts';
import * as ipv4 from '../../packet/ipv4.ts';
import { jhash2 } from '../../packet/jhash.ts';
import { PACKET_HOST, PACKET_MULTICAST, type Packet } from '../../packet/packet.ts';
import type { Given, Match } from '../extension.ts';
import { bang, oneOf } from '../number.ts';

const MAX_NODES = 32;

export interface Cluster {
  readonly nodes: number;
  /** Bits by node, the first is 1. */
  readonly mask: number;
  readonly seed: number;
  readonly invert: boolean;
}

const hex8 = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`;

function parseMask(given: Given, nodes: number): { mask: number; invert: boolean } {
  const option = oneOf(given, ['cluster-local-node', 'cluster-local-nodemask']);
  if (option === undefined) return given.fail('no node, expected --cluster-local-node or --cluster-local-nodemask');
  const invert = given.inverted(option);
  if (option === 'cluster-local-node') return { mask: (1 << (given.uint(option, nodes, 1) - 1)) >>> 0, invert };
  const mask = given.uint(option);
  if (mask >= 2 ** nodes) given.fail(`${given.text(option)}, expected bits of ${nodes} nodes`, option);
  return { mask, invert };
}

const tuple = new Tuple();

const key = new Int32Array(1);

/**
 * xt_cluster_hash of the tuple's source. Of an IPv6 address the kernel takes the first 32 bits only: it divides the number of
 * words by the size of one. Runs per packet.
 */
function hash(seed: number): number {
  key[0] = tuple.family === IPV6 ? tuple.srcHigh[0]! : tuple.src;
  return jhash2(key, 1, seed) >>> 0;
}

export const cluster: Match<Cluster> = {
  name: 'cluster',
  /** It tells a multicast frame to be one to this host. */
  stateful: true,
  needsConntrack: true,
  options: [
    { name: 'cluster-total-nodes', required: true },
    { name: 'cluster-local-node', invert: true },
    { name: 'cluster-local-nodemask', invert: true },
    { name: 'cluster-hash-seed', required: true },
  ],
  parse(given) {
    const nodes = given.uint('cluster-total-nodes', MAX_NODES, 1);
    return { nodes, seed: given.uint('cluster-hash-seed'), ...parseMask(given, nodes) };
  },
  format: ({ nodes, mask, seed, invert }) =>
    `${bang(invert)}--cluster-local-nodemask ${hex8(mask)} --cluster-total-nodes ${nodes} --cluster-hash-seed ${hex8(seed)}`,
  compile: ({ nodes, mask, seed, invert }) => [nodes, mask, seed, Number(invert)],
  test(args, at, pkt, { conntrack }) {
    if (pkt.pktType === PACKET_MULTICAST && !toMulticast(pkt)) pkt.pktType = PACKET_HOST;
    if (pkt.ct < 0) return false;
    conntrack.table.getTuple(pkt.ct, 0, tuple);
    // reciprocal_scale.
    const node = Math.floor((hash(args[at + 2]!) * args[at]!) / 2 ** 32);
    return ((args[at + 1]! >>> node) & 1) !== args[at + 3];
  },
};

const toMulticast = ({ protocol, view, l3 }: Packet): boolean =>
  protocol === ETH_P_IPV6 ? view.getUint8(l3 + 24) === 0xff : ipv4.dst(view, l3) >>> 28 === 0xe;
