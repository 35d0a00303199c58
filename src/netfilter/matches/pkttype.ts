/** `-m pkttype [!] --pkt-type`: how the frame was addressed; net/netfilter/xt_pkttype.c. @module */
import { PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST } from '../../packet/packet.ts';
import type { Match } from '../extension.ts';
import { bang } from '../number.ts';

export interface PktType {
  readonly type: number;
  readonly invert: boolean;
}

const NAMES: Readonly<Record<string, number>> = {
  unicast: PACKET_HOST,
  broadcast: PACKET_BROADCAST,
  multicast: PACKET_MULTICAST,
  bcast: PACKET_BROADCAST,
  mcast: PACKET_MULTICAST,
  host: PACKET_HOST,
};
const PRINTED = ['unicast', 'broadcast', 'multicast'];

export const pkttype: Match<PktType> = {
  name: 'pkttype',
  options: [{ name: 'pkt-type', invert: true, required: true }],
  parse(given) {
    const type = NAMES[given.text('pkt-type').toLowerCase()];
    if (type === undefined) {
      return given.fail(`packet type ${given.text('pkt-type')}, expected unicast, broadcast or multicast`, 'pkt-type');
    }
    return { type, invert: given.inverted('pkt-type') };
  },
  format: ({ type, invert }) => `${bang(invert)}--pkt-type ${PRINTED[type]}`,
  compile: ({ type, invert }) => [type, Number(invert)],
  test: (args, at, pkt) => (pkt.pktType === args[at]) !== (args[at + 1] === 1),
};
