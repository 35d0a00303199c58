/** The transport header as matches take it with skb_header_pointer: a later fragment has none. @module */
import type { Packet } from '../packet/packet.ts';
import type { Evaluation } from './extension.ts';

/** Are the first `bytes` of the transport header there? A packet that is cut short is dropped. Runs per packet. */
export function hasHeader(pkt: Packet, scope: Evaluation, bytes: number): boolean {
  if (scope.fragmentOffset !== 0) return false;
  if (pkt.l4 + bytes <= pkt.end) return true;
  scope.hotdrop = true;
  return false;
}
