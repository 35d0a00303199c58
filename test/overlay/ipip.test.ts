import { describe, expect, it } from 'vitest';
import type { Device } from '../../src/net/device.ts';
import { NF_ACCEPT, PREROUTING } from '../../src/net/hook.ts';
import { Ipip, type IpipConfig } from '../../src/overlay/ipip.ts';
import { type Host, hex, ip, ipv4Frame, router } from '../net/host.ts';

const REMOTE = '10.0.1.2';
const ENDS = { local: ip('10.0.1.1'), remote: ip(REMOTE) };

function withTunnel(config: Partial<IpipConfig> = ENDS): { host: Host; tunnel: Ipip } {
  const host = router();
  const tunnel = new Ipip(host.ns, { name: 't', ...config });
  routeTo(host, '10.77.0.0', tunnel);
  return { host, tunnel };
}

function routeTo(host: Host, network: string, dev: Device, via?: string): void {
  const hop = via === undefined ? { dev } : { dev, gateway: ip(via), onlink: true };
  host.ns.fib.addRoute({ prefix: ip(network), length: 16, nextHops: [hop] });
}

const inward = (fields: object = {}): Uint8Array =>
  ipv4Frame({ mac: '02:00:00:00:02:01', src: '10.0.2.2', dst: '10.77.0.5', payload: new Uint8Array(8), ...fields });
const outer = (inner: Uint8Array, fields: object = {}): Uint8Array =>
  ipv4Frame({ dst: '10.0.1.1', protocol: 4, payload: inner.slice(14), ...fields });

describe('an IPIP tunnel', () => {
  it('puts a header in front: TTL and ECN of the inner packet, DF', () => {
    const { host } = withTunnel();
    const [sent] = host.inject('eth1', inward({ tos: 0xba, ttl: 9 }));
    const header = hex(sent!.bytes.slice(14, 34));
    expect(sent!.port).toBe('eth0');
    expect(header.slice(0, 8)).toBe('45020030');
    expect(header.slice(12, 20)).toBe('40000804');
    expect(header.slice(24)).toBe('0a0001010a000102');
    expect(hex(sent!.bytes.slice(34, 38))).toBe('45ba001c');
  });

  it('has a TTL and a TOS of its own, or none', () => {
    const { host } = withTunnel({ ...ENDS, ttl: 33, tos: 'inherit', pmtudisc: false });
    const [sent] = host.inject('eth1', inward({ tos: 0xb8 }));
    expect(hex(sent!.bytes.slice(14, 16))).toBe('45b8');
    expect(hex(sent!.bytes.slice(20, 24))).toBe('00002104');
  });

  it('without another end sends to the next hop of the route', () => {
    const host = router();
    const tunnel = new Ipip(host.ns, { name: 'tunl0' });
    routeTo(host, '10.77.0.0', tunnel, REMOTE);
    const [sent] = host.inject('eth1', inward());
    expect(hex(sent!.bytes.slice(30, 34))).toBe('0a000102');
  });

  it('tells the sender of what does not fit', () => {
    const { host } = withTunnel();
    const [error] = host.inject('eth1', inward({ fragment: 0x4000, payload: new Uint8Array(1461) }));
    expect(error!.port).toBe('eth1');
    expect(hex(error!.bytes.slice(34, 36))).toBe('0304');
    expect(hex(error!.bytes.slice(40, 42))).toBe('05c8');
    expect(host.inject('eth1', inward({ payload: new Uint8Array(1460) }))).toHaveLength(1);
    expect(host.pool.live).toBe(0);
  });

  it('takes what comes from its other end, and forwards the inside', () => {
    const { host } = withTunnel();
    const inner = ipv4Frame({ src: '10.77.0.5' });
    const [sent] = host.inject('eth0', outer(inner));
    expect(sent!.port).toBe('eth1');
    expect(hex(sent!.bytes.slice(26, 30))).toBe('0a4d0005');
  });

  it('carries congestion inside, or drops what cannot say it', () => {
    const { host } = withTunnel();
    const [marked] = host.inject('eth0', outer(ipv4Frame({ src: '10.77.0.5', tos: 2 }), { tos: 3 }));
    expect(marked!.bytes[15]).toBe(3);
    expect(host.inject('eth0', outer(ipv4Frame({ src: '10.77.0.5' }), { tos: 3 }))).toEqual([]);
    expect(host.pool.live).toBe(0);
  });

  it('of several takes the packet that knows its ends best; tunl0 takes the rest while it is up', () => {
    const { host, tunnel } = withTunnel();
    const any = new Ipip(host.ns, { name: 'any', remote: ip(REMOTE) });
    const rest = new Ipip(host.ns, { name: 'tunl0' });
    let by = '';
    const note = (name: string): typeof NF_ACCEPT => {
      by = name;
      return NF_ACCEPT;
    };
    host.ns.hooks4.register(PREROUTING, { priority: 0, run: (_pkt, _hook, iif) => note(iif.name) });
    const takes = (src: string): string => {
      host.inject('eth0', outer(ipv4Frame({ src: '10.77.0.5' }), { src }));
      return by;
    };
    expect(takes(REMOTE)).toBe('t');
    tunnel.up = false;
    expect(takes(REMOTE)).toBe('any');
    expect(takes('10.0.1.99')).toBe('tunl0');
    any.up = false;
    rest.up = false;
    expect(takes(REMOTE)).toBe('eth0');
  });

  it('answers with port unreachable when no tunnel takes a packet', () => {
    const { host } = withTunnel({ remote: ip('10.0.1.77') });
    const [error] = host.inject('eth0', outer(ipv4Frame()));
    expect(hex(error!.bytes.slice(34, 36))).toBe('0303');
  });

  it('is refused a second time with the same ends', () => {
    const { host } = withTunnel();
    expect(() => new Ipip(host.ns, { name: 'u', ...ENDS })).toThrow('u: a tunnel with these ends exists');
  });
});
