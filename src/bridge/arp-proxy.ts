/**
 * A bridge answers ARP for stations that it knows, so that the question need not cross an overlay: ports with
 * neigh_suppress, proxy_arp or proxy_arp_wifi. net/bridge/br_arp_nd_proxy.c. @module
 */
import { NUD_VALID } from '../net/neigh.ts';
import { RT_SCOPE_HOST } from '../net/rtn.ts';
import * as arp from '../packet/arp.ts';
import * as ethernet from '../packet/ethernet.ts';
import type { Packet } from '../packet/packet.ts';
import * as vlan from '../packet/vlan.ts';
import type { Bridge } from './bridge.ts';
import type { BridgePort } from './port.ts';

/** Answers ARP requests for a bridge's ports. */
export class ArpProxy {
  /** Some port asks for any of this; some port has neigh_suppress. */
  active = false;
  suppressing = false;
  private readonly bridge: Bridge;

  constructor(bridge: Bridge) {
    this.bridge = bridge;
  }

  portsChanged(): void {
    const { ports } = this.bridge;
    this.suppressing = ports.some((port) => port.neighSuppress);
    this.active = this.suppressing || ports.some((port) => port.proxyArp || port.proxyArpWifi);
  }

  /**
   * Look at an ARP packet that came in by `port` (null: of the host), and answer it where that is due.
   * @returns true when ports with neigh_suppress need not hear of it
   */
  answer(pkt: Packet, port: BridgePort | null, vid: number): boolean {
    const v = pkt.view;
    const at = pkt.l3 + (vlan.isTag(ethernet.type(v, pkt.l2)) ? vlan.HEADER_LEN : 0);
    if (arp.check(v, at, pkt.end) !== 0 || arp.protocolType(v, at) !== ethernet.ETH_P_IP) return false;
    const [sender, target] = [arp.senderIp(v, at), arp.targetIp(v, at)];
    const net = target >>> 24;
    if (net === 127 || (net & 0xf0) === 0xe0) return false;
    const operation = arp.operation(v, at);
    if (this.suppressing) {
      if (port?.neighSuppress) return false;
      // One that asks a station it knows whether it is still there shall hear it from that station.
      if (operation === arp.REQUEST && !ethernet.isMulticast(v, pkt.l2)) return false;
      // Probes and announcements are for nobody in particular.
      const reverse = operation === arp.RREQUEST || operation === arp.RREPLY;
      if (!reverse && (sender >>> 24 === 0 || sender === target)) return true;
    }
    if (operation !== arp.REQUEST) return false;
    const { bridge } = this;
    if (this.suppressing && bridge.ns.addresses.confirm(bridge, 0, target, RT_SCOPE_HOST) !== 0) return true;
    return this.answerFor(pkt, port, at, target, vid);
  }

  private answerFor(pkt: Packet, port: BridgePort | null, at: number, target: number, vid: number): boolean {
    const { bridge } = this;
    const { neigh } = bridge.ns;
    const row = neigh.find(bridge, target);
    if (row < 0 || (neigh.table.state[row]! & NUD_VALID) === 0) return false;
    const [high, low] = [neigh.table.macHigh[row]!, neigh.table.macLow[row]!];
    const entry = bridge.fdb.find(high, low, vid);
    if (entry < 0) return false;
    const station = bridge.portOf(bridge.fdb.port[entry]!);
    const answers = port?.proxyArp || station?.proxyArpWifi || station?.neighSuppress;
    if (answers) this.reply(pkt, port, at, high, low);
    return answers || this.suppressing;
  }

  /** arp_send: the answer leaves by the way that the question came. */
  private reply(pkt: Packet, port: BridgePort | null, at: number, high: number, low: number): void {
    const { bridge } = this;
    const reply = bridge.ns.pool.take(ethernet.HEADER_LEN + arp.HEADER_LEN);
    if (reply === null) return;
    writeArpReply(reply, pkt.view, at, high, low);
    bridge.ns.transmit(reply, port?.dev ?? bridge);
  }
}

/** Fill `reply` with a frame that answers the request at `at` of `v` in the name of a station. Runs per packet. */
export function writeArpReply(reply: Packet, v: DataView, at: number, high: number, low: number): void {
  const out = reply.view;
  const l2 = reply.data;
  const l3 = l2 + ethernet.HEADER_LEN;
  const [askerHigh, askerLow] = [arp.senderMacHigh(v, at), arp.senderMacLow(v, at)];
  ethernet.setDst(out, l2, askerHigh, askerLow);
  ethernet.setSrc(out, l2, high, low);
  ethernet.setType(out, l2, ethernet.ETH_P_ARP);
  arp.setPreamble(out, l3);
  arp.setOperation(out, l3, arp.REPLY);
  arp.setSenderMac(out, l3, high, low);
  arp.setSenderIp(out, l3, arp.targetIp(v, at));
  arp.setTargetMac(out, l3, askerHigh, askerLow);
  arp.setTargetIp(out, l3, arp.senderIp(v, at));
  reply.l2 = l2;
  reply.l3 = l3;
  reply.protocol = ethernet.ETH_P_ARP;
}
