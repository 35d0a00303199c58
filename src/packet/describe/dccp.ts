/** DCCP: its packet type, as print-dccp.c of tcpdump names it. @module */
import * as dccp from '../dccp.ts';
import { endpoints, type Segment } from './segment.ts';

const TYPES: readonly string[] = [
  'Request',
  'Response',
  'Data',
  'Ack',
  'DataAck',
  'CloseReq',
  'Close',
  'Reset',
  'Sync',
  'SyncAck',
];

/** `10.0.0.1.4000 > 10.0.0.2.5000: DCCP DCCP-Request`. */
export function describeDccp(s: Segment): string {
  const { v, at, end } = s;
  if (end - at < dccp.HEADER_LEN) return `truncated-dccp - ${dccp.HEADER_LEN - (end - at)} bytes missing!`;
  const type = dccp.type(v, at);
  const name = TYPES[type] === undefined ? `unknown packet type ${type}` : `DCCP-${TYPES[type]}`;
  return `${endpoints(s, dccp.srcPort(v, at), dccp.dstPort(v, at))}DCCP ${name}`;
}
