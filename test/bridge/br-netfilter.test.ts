import { beforeEach, describe, expect, it } from 'vitest';
import type { Device } from '../../src/net/device.ts';
import { IP_DEFRAG_CONNTRACK_BRIDGE_IN } from '../../src/net/fragment.ts';
import {
  FORWARD,
  INPUT,
  NF_ACCEPT,
  NF_DROP,
  NF_STOLEN,
  OUTPUT,
  POSTROUTING,
  PREROUTING,
  PRI_CONNTRACK_DEFRAG,
  PRI_NAT_DST,
  type Verdict,
} from '../../src/net/hook.ts';
import * as ipv4 from '../../src/packet/ipv4.ts';
import { PACKET_HOST, type Packet } from '../../src/packet/packet.ts';
import * as udp from '../../src/packet/udp.ts';
import { SECOND } from '../../src/sim/clock.ts';
import { arpFrame, type Bench, frame, hex, ip, mac, macBytes, packet, switchOf } from './bench-switch.ts';

const HOOKS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'] as const;
const ETH_P_IP = 0x0800;
/** MF in the fragment field. */
const MORE = 0x2000;

describe('bridge netfilter', () => {
  let sw: ReturnType<typeof switchOf>;
  let seen: string[];

  beforeEach(() => {
    sw = switchOf('abc');
    sw.ns.sysctl.set('net.bridge.bridge-nf-call-iptables', 1);
    sw.ns.sysctl.set('net.ipv4.ip_forward', 1);
    for (const dev of ['all', 'br0']) sw.ns.sysctl.set(`net.ipv4.conf.${dev}.send_redirects`, 0);
    sw.ns.addresses.add(sw.bridge, ip('10.0.0.254'), 24);
    for (const n of [1, 2, 3]) sw.ns.neigh.add(sw.bridge, ip(`10.0.0.${n}`), macBytes(mac(n)), 'permanent');
    for (const [i, port] of ['a', 'b', 'c'].entries()) sw.inject(port, frame(99, i + 1));
    seen = [];
    const name = (index: number): string => (index === 0 ? '' : sw.ns.devices[index]!.name);
    const record = (pkt: Packet, hook: number, iif: Device, oif: Device): Verdict => {
      expect(pkt.data).toBe(pkt.l3);
      expect(pkt.pktType).toBe(PACKET_HOST);
      const devices = `${iif.name}>${oif.name}`;
      seen.push(`${HOOKS[hook]} ${devices} ${name(pkt.physIn)}>${name(pkt.physOut)}`);
      return NF_ACCEPT;
    };
    for (const hook of [PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING])
      sw.ns.hooks4.register(hook, { priority: 0, run: record });
  });

  const bridged = (fields: object = {}): Uint8Array =>
    frame(2, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.2', ...fields }));

  /** NAT as far as a bridge is concerned: packets to 10.0.0.9 go to `to`. */
  function dnat(to: string): void {
    sw.ns.hooks4.register(PREROUTING, {
      priority: PRI_NAT_DST,
      run: (pkt) => {
        if (ipv4.dst(pkt.view, pkt.l3) !== ip('10.0.0.9')) return NF_ACCEPT;
        udp.adjustChecksum32(pkt.view, pkt.l4, ip('10.0.0.9'), ip(to));
        ipv4.setDst(pkt.view, pkt.l3, ip(to));
        return NF_ACCEPT;
      },
    });
  }

  it('shows bridged packets with the bridge as device, and the ports beside it', () => {
    expect(sw.way('a', bridged())).toBe('b');
    expect(seen).toEqual(['PREROUTING br0> a>', 'FORWARD br0>br0 a>b', 'POSTROUTING >br0 a>b']);
  });

  it('asks FORWARD for each port of a flooded packet', () => {
    expect(sw.way('a', frame(9, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.9' })))).toBe('c b');
    expect(seen.filter((line) => line.startsWith('FORWARD'))).toEqual(['FORWARD br0>br0 a>c', 'FORWARD br0>br0 a>b']);
  });

  it('runs PREROUTING once for what the host takes, and knows the port to the end', () => {
    sw.inject('a', frame(0xb0, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.254' })));
    expect(seen).toEqual(['PREROUTING br0> a>', 'INPUT br0> a>', 'OUTPUT >br0 >', 'POSTROUTING >br0 >']);
    seen = [];
    expect(sw.way('a', frame(0xb0, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.2' })))).toBe('b');
    expect(seen).toEqual(['PREROUTING br0> a>', 'FORWARD br0>br0 a>', 'POSTROUTING br0>br0 a>']);
  });

  it('sees nothing but IPv4, and that only when it is asked to', () => {
    sw.inject('a', arpFrame(1, 1, '10.0.0.1', '10.0.0.2'));
    sw.inject('a', frame(2, 1));
    const tag = Uint8Array.of(0, 5, 8, 0, ...packet({ src: '10.0.0.1', dst: '10.0.0.2' }));
    sw.inject('a', frame(2, 1, 0x8100, tag));
    sw.ns.sysctl.set('net.bridge.bridge-nf-call-iptables', 0);
    sw.inject('a', bridged());
    expect(seen).toEqual([]);
  });

  it('looks behind VLAN tags and PPPoE headers when told to', () => {
    const inner = packet({ src: '10.0.0.1', dst: '10.0.0.2' });
    const vlan = frame(2, 1, 0x8100, Uint8Array.of(0, 5, 8, 0, ...inner));
    const pppoe = frame(2, 1, 0x8864, Uint8Array.of(0x11, 0, 0, 1, 0, inner.length + 2, 0, 0x21, ...inner));
    sw.ns.sysctl.set('net.bridge.bridge-nf-filter-vlan-tagged', 1);
    sw.ns.sysctl.set('net.bridge.bridge-nf-filter-pppoe-tagged', 1);
    for (const bytes of [vlan, pppoe]) {
      seen = [];
      expect(sw.inject('a', bytes).map(([port, out]) => `${port} ${hex(out)}`)).toEqual([`b ${hex(bytes)}`]);
      expect(seen).toEqual(['PREROUTING br0> a>', 'FORWARD br0>br0 a>b', 'POSTROUTING >br0 a>b']);
    }
    // Cut short: none of its business.
    expect(sw.way('a', frame(2, 1, 0x8864, new Uint8Array(7)))).toBe('b');
  });

  it('drops packets whose IPv4 header is wrong, and trims the rest to its length', () => {
    const wrong = bridged();
    wrong[24] = wrong[24]! ^ 1;
    expect(sw.way('a', wrong)).toBe('');
    expect(sw.drops()).toMatchObject({ IP_INHDR: 1 });
    const padded = new Uint8Array(60);
    padded.set(bridged({ length: 1 }));
    expect(sw.inject('a', padded)[0]![1].length).toBe(43);
  });

  it.each([
    [PREROUTING, ''],
    [FORWARD, ''],
    [POSTROUTING, ''],
  ])('hook %i may drop or take a packet', (hook, way) => {
    const answers: Verdict[] = [NF_DROP, NF_STOLEN];
    let i = 0;
    sw.ns.hooks4.register(hook, {
      priority: 1,
      run: (pkt) => {
        if (answers[i] === NF_STOLEN) sw.world.pool.release(pkt);
        return answers[i++]!;
      },
    });
    expect(answers.map(() => sw.way('a', bridged()))).toEqual([way, way]);
    expect([sw.drops().NETFILTER_DROP, sw.world.pool.live]).toEqual([1, 0]);
  });

  it('bridges what is DNATed to another station, under the sender’s address', () => {
    dnat('10.0.0.2');
    const [[port, out] = []] = sw.inject('a', frame(3, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.9' })));
    expect([port, hex(out!).slice(0, 24)]).toEqual(['b', '020000000a02020000000a01']);
    expect(out![22]).toBe(64);
    expect(seen).toEqual(['PREROUTING br0> a>', 'FORWARD br0>br0 a>b', 'POSTROUTING >br0 a>b']);
  });

  it('asks for a station that it does not know, and then bridges', () => {
    dnat('10.0.0.7');
    const asked = sw.inject('a', frame(3, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.9' })));
    expect(asked.map(([port, out]) => `${port} ${hex(out).slice(24, 28)}`)).toEqual(['c 0806', 'b 0806', 'a 0806']);
    const after = sw.inject('c', arpFrame(2, 7, '10.0.0.7', '10.0.0.254', mac(0xb0)));
    expect(after.map(([port, out]) => `${port} ${hex(out).slice(0, 24)}`)).toEqual(['c 020000000a07020000000a01']);
    sw.inject('a', frame(3, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.9' })));
    expect(sw.world.pool.live).toBe(0);
  });

  it('gives up on a station that does not answer', () => {
    dnat('10.0.0.8');
    sw.inject('a', frame(3, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.9' })));
    for (let i = 0; i < 5; i++) sw.wait(SECOND);
    expect([sw.drops().NEIGH_FAILED, sw.world.pool.live]).toEqual([1, 0]);
  });

  it('routes what is DNATed elsewhere, and takes what is DNATed to the host', () => {
    const out = sw.port('z');
    sw.ns.addresses.add(out, ip('10.0.9.1'), 24);
    sw.ns.neigh.add(out, ip('10.0.9.2'), macBytes(mac(0x92)), 'permanent');
    dnat('10.0.9.2');
    const [[port, sent] = []] = sw.inject('a', frame(3, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.9' })));
    expect([port, sent![22]]).toEqual(['z', 63]);
    expect(seen).toEqual(['PREROUTING br0> a>', 'FORWARD br0>z a>', 'POSTROUTING br0>z a>']);
  });

  it('drops what is DNATed to where nothing may go', () => {
    dnat('127.0.0.1');
    sw.inject('a', frame(3, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.9' })));
    expect(sw.drops()).toMatchObject({ IP_LOCALNET: 1 });
  });

  describe('with reassembly', () => {
    const data = Uint8Array.from({ length: 168 }, (_, i) => i);
    const whole = packet({ src: '10.0.0.1', dst: '10.0.0.2', data });

    /** Fragments of the packet, cut at these offsets of its payload. */
    function fragments(to: number, cuts: readonly number[], options: readonly number[] = []): Uint8Array[] {
      const total = whole.length - 20;
      const hlen = 20 + options.length;
      return cuts.map((at, i) => {
        const end = cuts[i + 1] ?? total;
        const bytes = new Uint8Array(hlen + end - at);
        bytes.set(whole.subarray(0, 20));
        bytes.set(options, 20);
        bytes.set(whole.subarray(20 + at, 20 + end), hlen);
        bytes[0] = 0x40 | (hlen >>> 2);
        const v = new DataView(bytes.buffer);
        ipv4.setTotalLength(v, 0, bytes.length);
        ipv4.setFragment(v, 0, (at >>> 3) | (end < total ? MORE : 0));
        ipv4.fillChecksum(v, 0);
        return frame(to, 1, ETH_P_IP, bytes);
      });
    }

    const payloads = (sent: Bench['sent']): string[] =>
      sent.map(([port, out]) => `${port} ${((out[20]! & 0x1f) << 11) | (out[21]! << 3)}+${out.length - 34}`);

    beforeEach(() => {
      sw.ns.hooks4.register(PREROUTING, {
        priority: PRI_CONNTRACK_DEFRAG,
        run: (pkt) => {
          if (!ipv4.isFragment(pkt.view, pkt.l3)) return NF_ACCEPT;
          return sw.ns.ip.defrag(pkt, IP_DEFRAG_CONNTRACK_BRIDGE_IN) ? NF_ACCEPT : NF_STOLEN;
        },
      });
    });

    it('sends the fragments as they came', () => {
      const parts = fragments(2, [0, 40, 80, 160]);
      expect(parts.slice(0, -1).map((part) => sw.way('a', part))).toEqual(['', '', '']);
      const sent = sw.inject('a', parts.at(-1)!);
      expect(sent.map(([, out]) => hex(out))).toEqual(parts.map(hex));
      expect(seen).toEqual(['PREROUTING br0> a>', 'FORWARD br0>br0 a>b', 'POSTROUTING >br0 a>b']);
      expect(sw.world.pool.live).toBe(0);
    });

    it('keeps options in all of them, for a bridge does not read options', () => {
      const recordRoute = [7, 7, 4, 0, 0, 0, 0, 0];
      const parts = fragments(2, [0, 40, 80], recordRoute);
      const sent = parts.map((part) => sw.inject('a', part)).at(-1)!;
      expect(sent.map(([, out]) => hex(out))).toEqual(parts.map(hex));
    });

    it('sends copies of a flooded packet in fragments as large as the largest, and the last as it came', () => {
      const sent = fragments(9, [0, 40, 80, 160])
        .map((part) => sw.inject('a', part))
        .at(-1)!;
      const even = ['0+80', '80+80', '160+16'].map((piece) => `c ${piece}`);
      expect(payloads(sent)).toEqual([...even, 'b 0+40', 'b 40+40', 'b 80+80', 'b 160+16']);
    });

    it('drops what may not be fragmented and is too big for the port', () => {
      const small = sw.port('s', 600);
      sw.bridge.addPort(small);
      sw.inject('s', frame(99, 5));
      const big = (fragment: number): Uint8Array =>
        frame(5, 1, ETH_P_IP, packet({ src: '10.0.0.1', dst: '10.0.0.5', fragment, length: 575 }));
      expect(sw.way('a', big(ipv4.DF))).toBe('');
      expect(payloads(sw.inject('a', big(0)))).toEqual(['s 0+576', 's 576+7']);
      expect(sw.world.pool.live).toBe(0);
    });
  });
});
