/** GRE, ESP and AH as print-gre.c, print-esp.c and print-ah.c of tcpdump print them. @module */
import * as ah from '../ah.ts';
import * as esp from '../esp.ts';
import * as gre from '../gre.ts';
import { ethertypeName } from './ethertype.ts';
import { cut, hex, hexNumber, type Inner, type Segment } from './segment.ts';

/** `GREv0, key=0x4d, length 41: IP ...`. */
export function describeGre(s: Segment, inner: Inner): string {
  const { v, at, end } = s;
  if (end - at < 2) return cut('gre');
  const version = gre.version(v, at);
  if (version > 1) return `GREv${version} ERROR: unknown-version`;
  if (end - at < gre.HEADER_LEN) return `GREv${version}${cut('gre')}`;
  const size = gre.headerLength(v, at);
  const protocol = gre.protocol(v, at);
  const named = inner.link ? `, proto ${ethertypeName(protocol) ?? 'unknown'} (${hexNumber(protocol, 4)})` : '';
  if (end - at < size) return `GREv${version}${cut('gre')}`;
  const fields = version === 1 ? pptpFields(v, at) : fields0(v, at);
  const carried =
    version === 1 || (gre.flags(v, at) & gre.ROUTING) !== 0 ? '' : payload(v, at + size, end, protocol, inner);
  return `GREv${version}${fields}${named}, length ${s.length}${carried && ': '}${carried}`;
}

function fields0(v: DataView, at: number): string {
  const flags = gre.flags(v, at);
  let text = '';
  if ((flags & (gre.CSUM | gre.ROUTING)) !== 0) text += `, off ${hexNumber(v.getUint16(at + gre.HEADER_LEN + 2))}`;
  if ((flags & gre.KEY) !== 0) text += `, key=${hexNumber(gre.key(v, at))}`;
  if ((flags & gre.SEQ) !== 0) text += `, seq ${gre.sequence(v, at)}`;
  return text;
}

function pptpFields(v: DataView, at: number): string {
  const flags = gre.flags(v, at);
  let text = `, call ${gre.callId(v, at)}`;
  if ((flags & gre.SEQ) !== 0) text += `, seq ${v.getUint32(at + gre.PPTP_HEADER_LEN)}`;
  if ((flags & gre.ACK) !== 0) text += `, ack ${v.getUint32(at + gre.PPTP_HEADER_LEN + (flags & gre.SEQ ? 4 : 0))}`;
  return (flags & gre.SEQ) === 0 ? `${text}, no-payload` : text;
}

function payload(v: DataView, at: number, end: number, protocol: number, inner: Inner): string {
  if (protocol === gre.TEB) return inner.frame(v, at, end);
  return inner.network(protocol, v, at, end) ?? `gre-proto-${hexNumber(protocol)}`;
}

/** `ESP(spi=0x00001000,seq=0x3), length 24`. */
export function describeEsp({ v, at, end, length }: Segment): string {
  if (end - at <= esp.HEADER_LEN) return cut('esp'); // nothing enciphered
  return `ESP(spi=${hexNumber(esp.spi(v, at), 8)},seq=${hexNumber(esp.seq(v, at))}), length ${length}`;
}

/** `AH(spi=0x00001000,seq=0x3,icv=0x...): `, what follows comes after it. */
export function describeAh({ v, at }: Segment): string {
  const icv = hex(v, at + ah.HEADER_LEN, at + ah.headerLength(v, at));
  return `AH(spi=${hexNumber(ah.spi(v, at), 8)},seq=${hexNumber(ah.seq(v, at))},icv=0x${icv}): `;
}
