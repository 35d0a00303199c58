/** What a protocol's tracker is: the nf_conntrack_PROTO_packet functions. @module */
import type { Packet } from '../packet/packet.ts';

/** What a tracker says of a packet: it belongs to the connection; it is INVALID; look up again (the connection was killed); drop. */
export const TRACKED = 1;
export const INVALID = -1;
export const REPEAT = -4;
export const DROP = 0;

/** One protocol's tracker. */
export interface Tracker {
  /**
   * Take the packet into account: check it, move the connection's state, set its timeout. `dataoff` is the transport header,
   * `hook` where the packet is; a connection that is not confirmed is new. Runs per packet: no allocation.
   */
  packet(pkt: Packet, ct: number, ctInfo: number, dataoff: number, hook: number): number;
}
