/** `-m pkttype [!] --pkt-type`: how the frame was addressed; net/netfilter/xt_pkttype.c. @module */
import { ETH_P_IPV6 } from '../../packet/ethernet.ts';
import { PACKET_BROADCAST, PACKET_HOST, PACKET_LOOPBACK, PACKET_MULTICAST, type Packet } from '../../packet/packet.ts';
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
  test: (args, at, pkt) => (typeOf(pkt) === args[at]) !== (args[at + 1] === 1),
};

/** What this host hears of its own has the type that the frame outside has. */
function typeOf({ pktType, protocol, view, l3 }: Packet): number {
  if (pktType !== PACKET_LOOPBACK) return pktType;
  const multicast = protocol === ETH_P_IPV6 || (view.getUint8(l3 + 16) & 0xf0) === 0xe0;
  return multicast ? PACKET_MULTICAST : PACKET_BROADCAST;
}
