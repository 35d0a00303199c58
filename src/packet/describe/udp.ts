/** UDP as print-udp.c of tcpdump prints it, but with no guess at the payload from the port, except VXLAN. @module */
import * as udp from '../udp.ts';
import * as vxlan from '../vxlan.ts';
import { cut, endpoints, hexNumber, type Inner, type Segment } from './segment.ts';

/** `10.0.0.1.4000 > 10.0.0.2.53: UDP, length 5`. */
export function describeUdp(s: Segment, inner: Inner): string {
  const { v, at, end } = s;
  if (end - at < 4) return (s.direct ? `${s.src} > ${s.dst}: ` : '') + cut('udp');
  const to = udp.dstPort(v, at);
  const who = endpoints(s, udp.srcPort(v, at), to);
  if (s.length < udp.HEADER_LEN) return `${who}truncated-udp ${s.length}`;
  if (end - at < udp.HEADER_LEN) return who + cut('udp');
  const length = udp.length(v, at);
  if (length < udp.HEADER_LEN) return `${who}truncated-udplength ${length}`;
  const data = length - udp.HEADER_LEN;
  const there = s.length - udp.HEADER_LEN;
  if (!s.fragmented && there > 0 && (to === vxlan.IANA_PORT || to === vxlan.LINUX_PORT))
    return who + describeVxlan(v, at + udp.HEADER_LEN, Math.min(end, at + length), inner);
  return data > there && !s.fragmented ? `${who}UDP, bad length ${data} > ${there}` : `${who}UDP, length ${data}`;
}

/** `VXLAN, flags [I] (0x08), vni 42: ` and the inner frame, which tcpdump puts on a line of its own. */
function describeVxlan(v: DataView, at: number, end: number, inner: Inner): string {
  if (end - at < vxlan.HEADER_LEN) return 'VXLAN (invalid)';
  const flags = vxlan.flags(v, at) >>> 24;
  const valid = (vxlan.flags(v, at) & vxlan.VNI_VALID) !== 0 ? 'I' : 'invalid';
  const frame = inner.frame(v, at + vxlan.HEADER_LEN, end);
  return `VXLAN, flags [${valid}] (${hexNumber(flags, 2)}), vni ${vxlan.vni(v, at)}: ${frame.trimStart()}`;
}
