/** Is a packet's transport checksum right? nf_checksum, net/netfilter/utils.c. @module */
import * as sum from '../packet/checksum.ts';
import * as ip from '../packet/ipv4.ts';
import * as ip6 from '../packet/ipv6.ts';
import { FLAG_CSUM_OK, FLAG_CSUM_VALID, type Packet } from '../packet/packet.ts';
import * as sctp from '../packet/sctp.ts';
import { IPV4 } from './tuple.ts';

/**
 * The checksum of a TCP, UDP or ICMP segment that begins at `dataoff` and ends with the packet. For IPv4 the kernel sums the
 * IP header as well, so a header that was changed without fixing its checksum counts as wrong. Runs per packet.
 */
export function verify(pkt: Packet, family: number, dataoff: number, protocol: number): boolean {
  if ((pkt.flags & FLAG_CSUM_OK) !== 0) return true;
  const { view: v, l3, end } = pkt;
  const length = end - dataoff;
  if (family !== IPV4) return remember(pkt, sum.add(v, dataoff, end, ip6.pseudo(v, l3, protocol, length)));
  const pseudo = protocol === ip.TCP || protocol === ip.UDP ? pseudo4(v, l3, protocol, length) : 0;
  return remember(pkt, sum.add(v, l3, end, pseudo));
}

/** A packet that was found right is not looked at again until it is forwarded; `csum_valid` stays even then. */
function remember(pkt: Packet, total: number): boolean {
  const right = sum.fold(total) === 0xffff;
  if (right) pkt.flags |= FLAG_CSUM_OK | FLAG_CSUM_VALID;
  else pkt.flags &= ~FLAG_CSUM_VALID;
  return right;
}

/**
 * The same over a UDP-Lite datagram's first `coverage` bytes. nf_checksum_partial; the kernel asks it for UDP's pseudo header,
 * so that what other hosts send as UDP-Lite counts as wrong.
 */
export function verifyPartial(pkt: Packet, family: number, dataoff: number, coverage: number): boolean {
  if ((pkt.flags & FLAG_CSUM_OK) !== 0) return true;
  const { view: v, l3 } = pkt;
  const length = pkt.end - dataoff;
  const pseudo = family === IPV4 ? pseudo4(v, l3, ip.UDP, length) : ip6.pseudo(v, l3, ip.UDP, length);
  return remember(pkt, sum.add(v, dataoff, dataoff + coverage, pseudo));
}

/** The CRC32c of an SCTP packet. */
export const verifySctp = (pkt: Packet, dataoff: number): boolean =>
  (pkt.flags & FLAG_CSUM_OK) !== 0 ||
  sctp.checksum(pkt.view, dataoff) === sctp.expectedChecksum(pkt.view, dataoff, pkt.end);

const pseudo4 = (v: DataView, l3: number, protocol: number, length: number): number =>
  sum.pseudo4(v, l3 + 12, protocol, length);
