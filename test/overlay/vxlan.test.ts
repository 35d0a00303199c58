import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Bridge } from '../../src/bridge/bridge.ts';
import { OUTPUT, POSTROUTING } from '../../src/net/hook.ts';
import { bridgeFdb } from '../../src/overlay/fdb-listing.ts';
import { Vxlan, type VxlanConfig } from '../../src/overlay/vxlan.ts';
import { NUD_REACHABLE } from '../../src/overlay/vxlan-fdb.ts';
import { format4 } from '../../src/packet/address.ts';
import * as sum from '../../src/packet/checksum.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import { SECOND } from '../../src/sim/clock.ts';
import { Trace } from '../../src/sim/trace.ts';
import {
  arpFrame,
  Bench,
  BROADCAST,
  frame,
  fromHex,
  hex,
  ip,
  mac,
  macBytes,
  newWorld,
  packet,
} from '../bridge/bench-switch.ts';

const ETH_P_IP = 0x0800;
const OUR_MAC = mac(0x80);
/** A frame and its outer packet, from a run of Linux 6.18. */
const INNER = '020000000a02020000000a0108004500001e10010000401156cc0a0000010a00000200010002000a7fa26c32';
const OUTER_FRAME = `0200000000020200000000010800450000509c22000040115d27c0a80001c0a80002c35012b5003c6a370800000000002a00${INNER}`;

/** A node: eth0 to the underlay, and a bridge between pod0 and the VXLAN device vx0. */
class Node extends Bench {
  readonly vxlan: Vxlan;
  readonly bridge: Bridge;

  constructor(config: Partial<VxlanConfig> = {}, underlayMtu = 1500) {
    super(newWorld());
    const { ns } = this;
    ns.addresses.add(this.port('eth0', underlayMtu), ip('192.168.0.1'), 24);
    for (const n of [2, 3, 4, 5]) this.neighbour(n);
    this.bridge = new Bridge(ns, { name: 'br0', mac: macBytes(mac(0xb0)), mtu: 1450 });
    ns.sysctl.set('net.bridge.bridge-nf-call-iptables', 0);
    this.vxlan = new Vxlan(ns, {
      name: 'vx0',
      mac: macBytes(mac(0xf1)),
      mtu: 1450,
      vni: 42,
      local: ip('192.168.0.1'),
      dstPort: 4789,
      srcPorts: [50_000, 50_001],
      ...config,
    });
    this.bridge.addPort(this.vxlan);
    this.bridge.addPort(this.port('pod0'));
  }

  private neighbour(n: number): void {
    this.ns.neigh.add(this.ports.get('eth0')!, ip(`192.168.0.${n}`), macBytes(`02:00:00:00:00:0${n}`), 'permanent');
  }

  flood(...remotes: string[]): this {
    const nobody = new Uint8Array(6);
    for (const remote of remotes) this.vxlan.setEntry(nobody, { address: ip(remote) }, undefined, 'append');
    return this;
  }

  /** A frame from a pod; @returns the outer packets, from the IPv4 header on */
  out(bytes: Uint8Array): DataView[] {
    const sent = this.inject('pod0', bytes).filter(([port]) => port === 'eth0');
    return sent.map(([, outer]) => new DataView(outer.slice(14).buffer));
  }

  /** An inner frame arrives in a packet. @returns what leaves, as in `way` */
  in(inner: Uint8Array, outer: Partial<Parameters<typeof packet>[0]> & { readonly header?: string } = {}): string {
    const header = fromHex(outer.header ?? '0800000000002a00');
    const data = Uint8Array.of(...header, ...inner);
    const datagram = packet({ src: '192.168.0.2', dst: '192.168.0.1', dstPort: 4789, ...outer, data });
    return this.way('eth0', frame(OUR_MAC, '02:00:00:00:00:02', ETH_P_IP, datagram));
  }
}

const inner = (fields: object = {}): Uint8Array => packet({ src: '10.0.0.1', dst: '10.0.0.2', ...fields });
const fromPod = (fields: object = {}, to: number | string = 2): Uint8Array => frame(to, 1, ETH_P_IP, inner(fields));
const toPod = (fields: object = {}, from = 2): Uint8Array => frame(1, from, ETH_P_IP, inner(fields));

describe('VXLAN device', () => {
  let node: Node;
  beforeEach(() => {
    node = new Node().flood('192.168.0.2');
  });

  it('sends the bytes that Linux sends', () => {
    const lone = new Node().flood('192.168.0.2');
    lone.ports.get('eth0')!.setMac(macBytes('02:00:00:00:00:01'));
    const sent = fromHex(INNER);
    const [, outer] = lone.inject('pod0', sent).find(([port]) => port === 'eth0')!;
    const wanted = fromHex(OUTER_FRAME);
    // The IP id is random, and with it the header checksum.
    for (const at of [18, 19, 24, 25]) wanted[at] = outer[at]!;
    expect(hex(outer)).toBe(hex(wanted));
    expect(sum.fold(sum.add(new DataView(outer.buffer), 14, 34))).toBe(0xffff);
  });

  it('sends to the flood list in order, the first last, and to a known station alone', () => {
    const many = new Node().flood('192.168.0.4', '192.168.0.2', '192.168.0.5', '192.168.0.3');
    many.vxlan.setEntry(macBytes(mac(7)), { address: ip('192.168.0.3'), port: 8472, vni: 99 });
    const to = (bytes: Uint8Array): string[] => many.out(bytes).map((v) => format4(ipv4.dst(v, 0)));
    expect(to(fromPod())).toEqual(['192.168.0.2', '192.168.0.5', '192.168.0.3', '192.168.0.4']);
    expect(to(fromPod({}, BROADCAST))).toEqual(['192.168.0.2', '192.168.0.5', '192.168.0.3', '192.168.0.4']);
    const [v] = many.out(fromPod({}, 7));
    expect([format4(ipv4.dst(v!, 0)), v!.getUint16(22), v!.getUint32(32) >>> 8]).toEqual(['192.168.0.3', 8472, 99]);
  });

  it('drops what it knows no remote for', () => {
    const lost = new Node();
    expect(lost.out(fromPod())).toEqual([]);
    expect(lost.drops()).toEqual({ NO_TX_TARGET: 1 });
    lost.vxlan.setEntry(macBytes(mac(2)), { address: ip('203.0.113.1') });
    expect(lost.out(fromPod())).toEqual([]);
    expect(lost.drops()).toMatchObject({ IP_OUTNOROUTES: 1 });
  });

  it.each([
    [{}, { tos: 0x00, ttl: 64, df: 0 }],
    [{ ttl: 33, tos: 0x10 } as const, { tos: 0x10, ttl: 33, df: 0 }],
    [{ ttl: 'inherit', tos: 'inherit', df: 'inherit' } as const, { tos: 0xb8, ttl: 9, df: ipv4.DF }],
    [{ df: 'set' } as const, { tos: 0x00, ttl: 64, df: ipv4.DF }],
  ])('writes TTL, TOS and DF as %o says', (config, wanted) => {
    const [v] = new Node(config).flood('192.168.0.2').out(fromPod({ tos: 0xb8, ttl: 9, fragment: ipv4.DF }));
    expect({ tos: ipv4.tos(v!, 0), ttl: ipv4.ttl(v!, 0), df: ipv4.fragment(v!, 0) }).toEqual(wanted);
  });

  it('has one source port for both directions of a flow, and another for others', () => {
    const free = new Node({ srcPorts: [0, 0] }).flood('192.168.0.2');
    const port = (bytes: Uint8Array): number => free.out(bytes)[0]!.getUint16(20);
    const back = frame(8, 1, ETH_P_IP, packet({ src: '10.0.0.2', dst: '10.0.0.1' }));
    new DataView(back.buffer).setUint32(34, 0x00020001);
    expect(port(back)).toBe(port(fromPod()));
    const ports = Array.from({ length: 200 }, (_, i) => port(fromPod({ dstPort: 1000 + i })));
    expect(new Set(ports).size).toBeGreaterThan(190);
    expect(Math.min(...ports)).toBeGreaterThanOrEqual(32_768);
    expect(Math.max(...ports)).toBeLessThan(61_000);
  });

  it('writes no checksum when told not to', () => {
    expect(new Node({ udpChecksum: false }).flood('192.168.0.2').out(fromPod())[0]!.getUint16(26)).toBe(0);
  });

  it('shows the outer packet to OUTPUT and POSTROUTING, with the mark of the inner', () => {
    const seen: string[] = [];
    for (const hook of [OUTPUT, POSTROUTING]) {
      node.ns.hooks4.register(hook, {
        priority: 0,
        run: (pkt, _hook, iif, oif) => {
          seen.push(`${hook} ${iif.name}>${oif.name} ${pkt.mark} ${format4(ipv4.dst(pkt.view, pkt.l3))}`);
          return 1;
        },
      });
    }
    const pkt = node.world.pool.from(fromPod())!;
    pkt.mark = 0x4000;
    node.ns.transmit(pkt, node.vxlan);
    expect(seen).toEqual([`${OUTPUT} >eth0 16384 192.168.0.2`, `${POSTROUTING} vx0>eth0 16384 192.168.0.2`]);
  });

  it('takes a frame in, learns its station, and answers there', () => {
    expect(node.in(toPod())).toBe('pod0');
    expect(node.in(toPod({}, 3), { src: '192.168.0.4' })).toBe('pod0');
    expect(node.out(fromPod({}, 3)).map((v) => format4(ipv4.dst(v, 0)))).toEqual(['192.168.0.4']);
    expect(bridgeFdb(node.ns).filter((line) => line.includes('vx0'))).toEqual([
      '00:00:00:00:00:00 dev vx0 dst 192.168.0.2 self permanent',
      `${mac(2)} dev vx0 dst 192.168.0.2 self`,
      `${mac(2)} dev vx0 master br0`,
      `${mac(3)} dev vx0 dst 192.168.0.4 self`,
      `${mac(3)} dev vx0 master br0`,
      `${mac(0xf1)} dev vx0 master br0 permanent`,
    ]);
  });

  it('does not believe that a static station moved, and forgets learned ones', () => {
    const short = new Node({ ageing: 5 * SECOND });
    short.vxlan.setEntry(macBytes(mac(2)), { address: ip('192.168.0.3') });
    expect(short.in(toPod())).toBe('');
    expect(short.drops()).toEqual({ VXLAN_ENTRY_EXISTS: 1 });
    expect(short.in(toPod({}, 4))).toBe('pod0');
    short.wait(11 * SECOND);
    expect(short.vxlan.fdbLines().some((line) => line.startsWith(mac(4)))).toBe(false);
  });

  it('learns nothing when told not to', () => {
    const deaf = new Node({ learning: false });
    expect(deaf.in(toPod())).toBe('pod0');
    expect(deaf.vxlan.fdbLines()).toEqual([]);
  });

  it.each([
    ['another VNI', {}, { header: '0800000000002b00' }, 'VXLAN_VNI_NOT_FOUND'],
    ['no VNI flag', {}, { header: '0000000000002a00' }, 'VXLAN_INVALID_HDR'],
    ['another flag', {}, { header: '0c00000000002a00' }, 'VXLAN_INVALID_HDR'],
    ['a reserved bit', {}, { header: '0800000100002a00' }, 'VXLAN_INVALID_HDR'],
    ['a reserved last byte', {}, { header: '0800000000002a01' }, 'VXLAN_INVALID_HDR'],
    ['congestion that cannot be told', {}, { tos: 3 }, 'IP_TUNNEL_ECN'],
  ] as const)('drops %s', (_what, fields, outer, why) => {
    expect(node.in(toPod(fields), outer)).toBe('');
    expect(node.drops()).toEqual({ [why]: 1 });
  });

  it.each([
    ['nothing', new Uint8Array(), 'NOMEM'],
    ['less than an Ethernet header', new Uint8Array(13), 'NOMEM'],
    ['less than an IPv4 header', frame(1, 2, ETH_P_IP, new Uint8Array(19)), 'PKT_TOO_SMALL'],
    ['less than an IPv6 header', frame(1, 2, 0x86dd, new Uint8Array(39)), 'PKT_TOO_SMALL'],
    ['its own address as source', frame(1, 0xf1), 'LOCAL_MAC'],
    ['a group as source', frame(1, BROADCAST), 'MAC_INVALID_SOURCE'],
  ] as const)('drops an inner frame with %s', (_what, bytes, why) => {
    expect(node.in(bytes)).toBe('');
    expect(node.drops()).toEqual({ [why]: 1 });
  });

  it('drops a datagram with a wrong checksum, or too short for the header', () => {
    const datagram = packet({ src: '192.168.0.2', dst: '192.168.0.1', dstPort: 4789, length: 60 });
    datagram[40] = 1;
    expect(node.way('eth0', frame(OUR_MAC, '02:00:00:00:00:02', ETH_P_IP, datagram))).toBe('');
    node.in(new Uint8Array(), { header: '080000' });
    expect(node.drops()).toEqual({ UDP_CSUM: 1, PKT_TOO_SMALL: 1 });
  });

  it('answers for the destination when a packet must not be cut and is too big', () => {
    const narrow = new Node({}, 1400).flood('192.168.0.2');
    narrow.inject('pod0', frame(99, 1));
    const [[port, answer] = []] = narrow.inject('pod0', fromPod({ fragment: ipv4.DF, length: 1323 }));
    // From 10.0.0.2, TTL as it came, DF, 576 bytes: fragmentation needed, MTU 1350.
    const header = `020000000a01020000000a02080045000240000040004001`;
    expect([port, hex(answer!).slice(0, header.length)]).toEqual(['pod0', header]);
    expect([answer!.length, hex(answer!.slice(34, 42))]).toEqual([590, `0304${hex(answer!.slice(36, 38))}00000546`]);
    const v = new DataView(answer!.buffer);
    expect([sum.fold(sum.add(v, 14, 34)), sum.fold(sum.add(v, 34, 590))]).toEqual([0xffff, 0xffff]);
  });

  it('cuts the outer packet where the inner may be cut, or nobody may be told', () => {
    const narrow = new Node({}, 1400).flood('192.168.0.2');
    const lengths = (bytes: Uint8Array): number[] => narrow.out(bytes).map((v) => v.byteLength);
    expect(lengths(fromPod({ length: 1322 }))).toEqual([1400]);
    expect(lengths(fromPod({ length: 1323 }))).toEqual([1396, 25]);
    expect(lengths(fromPod({ src: '127.0.0.1', fragment: ipv4.DF, length: 1323 }))).toEqual([1396, 25]);
  });

  it('hands a frame over to another device of this host', () => {
    const other = new Vxlan(node.ns, { name: 'vx1', mac: macBytes(mac(0xf2)), mtu: 1450, vni: 43, dstPort: 4789 });
    node.vxlan.setEntry(macBytes(mac(9)), { address: ip('192.168.0.1'), vni: 43 });
    node.vxlan.setEntry(macBytes(mac(8)), { address: ip('192.168.0.1'), vni: 44 });
    expect(node.way('pod0', frame(9, 1))).toBe('');
    expect(other.fdbLines()).toEqual([`${mac(1)} dev vx1 dst 127.0.0.1 self`]);
    node.inject('pod0', frame(8, 1));
    expect(node.drops()).toMatchObject({ VXLAN_VNI_NOT_FOUND: 1 });
    expect(
      () => new Vxlan(node.ns, { name: 'vx2', mac: macBytes(mac(0xf3)), mtu: 1450, vni: 43, dstPort: 4789 }),
    ).toThrow('already exists');
  });

  it('answers ARP from its neighbour table and lets none out, with proxy', () => {
    const proxy = new Node({ proxy: true }).flood('192.168.0.2');
    proxy.ns.neigh.add(proxy.vxlan, ip('10.0.0.2'), macBytes(mac(2)), 'permanent');
    const ask = (target: string): string[] =>
      proxy.inject('pod0', arpFrame(1, 1, '10.0.0.1', target)).map(([port, out]) => `${port} ${hex(out).slice(0, 24)}`);
    expect(ask('10.0.0.2')).toEqual(['pod0 020000000a01020000000a02']);
    expect([ask('10.0.0.3'), ask('224.0.0.1'), ask('127.0.0.1')]).toEqual([[], [], []]);
    // A neighbour that is behind no remote is the bridge's own affair.
    proxy.vxlan.setEntry(macBytes(mac(2)), { address: 0 });
    expect(ask('10.0.0.2')).toEqual([]);
    expect(proxy.world.pool.live).toBe(0);
  });

  it('receives every VNI and sends nothing, when external', () => {
    const external = new Node({ external: true, vni: 0 });
    expect(external.in(toPod(), { header: '0800000000000500' })).toBe('pod0');
    expect(external.vxlan.fdbLines()).toEqual([`${mac(2)} dev vx0 dst 192.168.0.2 src_vni 5 self`]);
    external.inject('pod0', fromPod());
    expect(external.drops()).toEqual({ TUNNEL_TXINFO: 1 });
  });

  it('knows its default remote, and lists what differs from the defaults', () => {
    const bench = new Bench();
    const lower = bench.port('eth0');
    const device = new Vxlan(bench.ns, {
      name: 'vx0',
      mac: macBytes(mac(0xf1)),
      mtu: 1450,
      vni: 1,
      remote: ip('192.0.2.1'),
      lower,
    });
    device.setEntry(macBytes(mac(2)), { address: ip('192.0.2.2'), port: 4789, vni: 2 }, NUD_REACHABLE);
    expect(device.fdbLines()).toEqual([
      '00:00:00:00:00:00 dev vx0 dst 192.0.2.1 via eth0 self permanent',
      `${mac(2)} dev vx0 dst 192.0.2.2 port 4789 vni 2 self`,
    ]);
  });

  it('tells the trace where frames go', () => {
    node.ns.trace = new Trace(node.world.clock);
    node.inject('pod0', fromPod());
    const told = node.ns.trace.drain().filter(({ kind }) => kind === 'vxlan');
    expect(told.map(({ fields }) => fields)).toEqual([{ device: 'vx0', remote: '192.168.0.2', vni: 42 }]);
  });

  it('says nothing while it is down', () => {
    node.vxlan.up = false;
    expect(node.out(fromPod())).toEqual([]);
    expect(node.in(toPod())).toBe('');
    expect(node.world.pool.live).toBe(0);
  });

  it('takes any bytes in a datagram without a crash or a packet lost', () => {
    const bytes = fc.uint8Array({ maxLength: 120 });
    const near = fc.tuple(fc.nat(60), fc.nat(255)).map(([at, value]) => {
      const changed = Uint8Array.of(...fromHex('0800000000002a00'), ...toPod());
      changed[at % changed.length] = value;
      return changed;
    });
    fc.assert(
      fc.property(fc.oneof(bytes, near), fc.nat(255), (data, tos) => {
        const datagram = packet({ src: '192.168.0.2', dst: '192.168.0.1', dstPort: 4789, tos, data });
        node.inject('eth0', frame(OUR_MAC, '02:00:00:00:00:02', ETH_P_IP, datagram));
        expect(node.world.pool.live).toBe(0);
      }),
      { numRuns: 2000 },
    );
  });
});
