/**
 * A packet as one line of the kernel's log: net/netfilter/nf_log_syslog.c. For LOG, TRACE and
 * `nf_conntrack_log_invalid`. @module
 */
import type { Device } from '../net/device.ts';
import { formatMac } from '../packet/address.ts';
import * as ethernet from '../packet/ethernet.ts';
import type { Packet } from '../packet/packet.ts';
import { LOG_MACDECODE } from './log-flags.ts';
import { logIpv4 } from './log-ipv4.ts';
import { logIpv6 } from './log-ipv6.ts';

/**
 * The line, without time stamp, level and the blank that the kernel leaves at its end. `iif` and `oif` are the hook's
 * devices, NO_DEVICE where it has none.
 */
export function logPacket(prefix: string, pkt: Packet, iif: Device, oif: Device, flags: number): string {
  const { devices } = iif.ns;
  const physIn = pkt.physIn !== 0 && pkt.physIn !== iif.index ? `PHYSIN=${devices[pkt.physIn]!.name} ` : '';
  const physOut = pkt.physOut !== 0 && pkt.physOut !== oif.index ? `PHYSOUT=${devices[pkt.physOut]!.name} ` : '';
  const mac = iif.index === 0 ? '' : linkHeader(pkt, iif, flags);
  const logged = { pkt, flags, end: pkt.end };
  const body = pkt.protocol === ethernet.ETH_P_IPV6 ? logIpv6(logged, pkt.l3, true) : logIpv4(logged, pkt.l3, true);
  return `${prefix}IN=${iif.name} OUT=${oif.name} ${physIn}${physOut}${mac}${body}`.trimEnd();
}

/** dump_mac_header. */
function linkHeader(pkt: Packet, iif: Device, flags: number): string {
  const { l2, l3, view, bytes } = pkt;
  // In a tunnel's outer packet it is the inner frame's header that stands behind.
  const known = l2 >= 0 && (l2 > l3 || l3 - l2 >= ethernet.HEADER_LEN);
  if ((flags & LOG_MACDECODE) !== 0 && !iif.loopback) {
    if (!known) return '';
    const type = ethernet.type(view, l2).toString(16).padStart(4, '0');
    return `MACSRC=${formatMac(bytes, l2 + 6)} MACDST=${formatMac(bytes, l2)} MACPROTO=${type} `;
  }
  if (!known) return 'MAC= ';
  const hex = Array.from(bytes.subarray(l2, l2 + ethernet.HEADER_LEN), (b) => b.toString(16).padStart(2, '0'));
  return `MAC=${hex.join(':')} `;
}
