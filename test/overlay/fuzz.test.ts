import { describe, expect, it } from 'vitest';
import { Bridge } from '../../src/bridge/bridge.ts';
import { IP_DEFRAG_CONNTRACK_BRIDGE_IN } from '../../src/net/fragment.ts';
import { NF_ACCEPT, NF_STOLEN, PREROUTING, PRI_CONNTRACK_DEFRAG, PRI_NAT_DST } from '../../src/net/hook.ts';
import { Vxlan } from '../../src/overlay/vxlan.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import { SECOND } from '../../src/sim/clock.ts';
import { Random } from '../../src/sim/random.ts';
import { arpFrame, Bench, BROADCAST, frame, fromHex, ip, mac, macBytes, packet } from '../bridge/bench-switch.ts';

const FRAMES = 20_000;
const ETH_P_IP = 0x0800;
const MORE = 0x2000;

/** Frames that reach far into the code; most mutations of them do, too. */
function seeds(): Uint8Array[] {
  const inner = frame(1, 2, ETH_P_IP, packet({ src: '10.0.0.2', dst: '10.0.0.1' }));
  const tunnel = Uint8Array.of(...fromHex('0800000000002a00'), ...inner);
  const outer = packet({ src: '192.168.0.2', dst: '192.168.0.1', dstPort: 4789, data: tunnel });
  const plain = { src: '10.0.0.1', dst: '10.0.0.2' };
  return [
    frame(0x80, 9, ETH_P_IP, outer),
    frame(2, 1, ETH_P_IP, packet(plain)),
    frame(2, 1, ETH_P_IP, packet({ ...plain, fragment: MORE, length: 32 })),
    frame(2, 1, ETH_P_IP, packet({ ...plain, fragment: 5, length: 32 })),
    frame(2, 1, ETH_P_IP, packet({ ...plain, fragment: ipv4.DF, length: 1300 })),
    frame(3, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.9' })),
    frame(0xb0, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.254' })),
    frame(BROADCAST, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.255' })),
    frame(2, 1, 0x8100, Uint8Array.of(0, 5, 8, 0, ...packet(plain))),
    frame(2, 1, 0x8864, Uint8Array.of(0x11, 0, 0, 1, 0, 38, 0, 0x21, ...packet(plain))),
    arpFrame(1, 1, '10.0.0.1', '10.0.0.3'),
    arpFrame(2, 2, '10.0.0.2', '10.0.0.1', mac(1)),
    frame('01:80:c2:00:00:02', 1),
  ];
}

/** A bridge with netfilter, reassembly and DNAT, a port that answers ARP, and a tunnel; the underlay is narrow. */
function node(): Bench {
  const bench = new Bench();
  const { ns } = bench;
  ns.addresses.add(bench.port('eth0', 1000), ip('192.168.0.1'), 24);
  ns.neigh.add(bench.ports.get('eth0')!, ip('192.168.0.2'), macBytes(mac(9)), 'permanent');
  const bridge = new Bridge(ns, { name: 'br0', mac: macBytes(mac(0xb0)), ageing: SECOND });
  ns.addresses.add(bridge, ip('10.0.0.254'), 24);
  const vxlan = new Vxlan(ns, { name: 'vx0', mac: macBytes(mac(0xf1)), mtu: 1450, vni: 42, dstPort: 4789 });
  vxlan.setEntry(new Uint8Array(6), { address: ip('192.168.0.2') }, undefined, 'append');
  bridge.addPort(vxlan, { neigh_suppress: true });
  bridge.addPort(bench.port('pod0'), { hairpin: true });
  bridge.addPort(bench.port('pod1', 600));
  for (const key of ['filter-vlan-tagged', 'filter-pppoe-tagged', 'call-iptables'])
    ns.sysctl.set(`net.bridge.bridge-nf-${key}`, 1);
  ns.sysctl.set('net.ipv4.ip_forward', 1);
  ns.hooks4.register(PREROUTING, {
    priority: PRI_CONNTRACK_DEFRAG,
    run: (pkt) => {
      if (!ipv4.isFragment(pkt.view, pkt.l3)) return NF_ACCEPT;
      return ns.ip.defrag(pkt, IP_DEFRAG_CONNTRACK_BRIDGE_IN) ? NF_ACCEPT : NF_STOLEN;
    },
  });
  ns.hooks4.register(PREROUTING, {
    priority: PRI_NAT_DST,
    run: (pkt) => {
      if (ipv4.dst(pkt.view, pkt.l3) === ip('10.0.0.9')) ipv4.setDst(pkt.view, pkt.l3, ip('10.0.0.7'));
      return NF_ACCEPT;
    },
  });
  return bench;
}

function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = bytes.slice(0, random.below(8) === 0 ? random.below(bytes.length + 1) : bytes.length);
  for (let i = random.below(4); i > 0 && changed.length > 0; i--)
    changed[random.below(changed.length)] = random.below(256);
  return changed;
}

describe('a node with bridge and tunnel', () => {
  it('survives any frame, and loses no packet', () => {
    const bench = node();
    const random = new Random(7);
    const corpus = seeds();
    for (let i = 0; i < FRAMES; i++) {
      const port = ['eth0', 'pod0', 'pod1'][random.below(3)]!;
      bench.inject(port, mutate(corpus[random.below(corpus.length)]!, random));
      if (i % 500 === 0) bench.wait(SECOND);
    }
    // Fragments and packets that wait for a neighbour are all that may be left, for a while.
    for (let i = 0; i < 60; i++) bench.wait(SECOND);
    expect(bench.world.pool.live).toBe(0);
  });
});
