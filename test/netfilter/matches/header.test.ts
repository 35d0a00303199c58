import { describe, expect, test } from 'vitest';
import { NF_DROP } from '../../../src/net/hook.ts';
import type { Layer } from '../../../src/packet/layer.ts';
import { ip, RuleBench, udp } from '../rule-bench.ts';

const rule = (match: string, table = 'filter'): RuleBench => new RuleBench(`-A FORWARD ${match}`, { table });
const ip6 = (...layers: Layer[]): Layer[] => [{ ipv6: { src: 'fd00::1', dst: 'fd00::2', hopLimit: 64 } }, ...layers];
const rule6 = (match: string): RuleBench => new RuleBench(`-A FORWARD ${match}`, { family: 'ipv6' });

describe('matches on the IP header', () => {
  test.each([
    ['-m ttl --ttl-eq 64', { ttl: 64 }, true],
    ['-m ttl --ttl-eq 64', { ttl: 63 }, false],
    ['-m ttl ! --ttl-eq 64', { ttl: 63 }, true],
    ['-m ttl --ttl-lt 10', { ttl: 9 }, true],
    ['-m ttl --ttl-lt 10', { ttl: 10 }, false],
    ['-m ttl --ttl-gt 10', { ttl: 11 }, true],
    ['-m dscp --dscp 46', { tos: 0xb8 }, true],
    ['-m dscp --dscp-class EF', { tos: 0xbb }, true],
    ['-m dscp ! --dscp 0', { tos: 3 }, false],
    ['-m tos --tos 0x10', { tos: 0x10 }, true],
    ['-m tos --tos 0x10', { tos: 0x11 }, false],
    ['-m tos --tos 0x10/0x3f', { tos: 0xd0 }, true],
    ['-m ecn --ecn-ip-ect 3', { tos: 3 }, true],
    ['-m ecn ! --ecn-ip-ect 0', { tos: 0xfc }, false],
    ['-m length --length 33', {}, true],
    ['-m length --length 34:', {}, false],
    ['-m length ! --length :32', {}, true],
    ['-m realm --realm 0', {}, true],
    ['-m devgroup --src-group 1', {}, false],
    ['-m cpu --cpu 0', {}, true],
    ['-m policy --dir in --pol none', {}, true],
    ['-m policy --dir in --pol ipsec', {}, false],
  ])('%s on %j is %s', (match, header, expected) => {
    expect(rule(match).matches([ip(header), udp()], 'hello')).toBe(expected);
  });

  test('of IPv6: hop limit, traffic class and length', () => {
    const packet = [{ ipv6: { src: '::1', dst: '::2', hopLimit: 7, trafficClass: 0xb8 } }, udp()];
    expect(rule6('-m hl --hl-eq 7').matches(packet)).toBe(true);
    expect(rule6('-m hl --hl-gt 7').matches(packet)).toBe(false);
    expect(rule6('-m dscp --dscp-class ef').matches(packet)).toBe(true);
    expect(rule6('-m length --length 48').matches(packet)).toBe(true);
  });
});

describe('matches on transports', () => {
  const mss = (...bytes: number[]): Layer => ({
    tcp: { srcPort: 1, dstPort: 2, flags: 'S', options: Uint8Array.from(bytes) },
  });

  test('tcpmss finds the option, and says no without one', () => {
    const bench = rule('-p tcp -m tcpmss --mss 1400:1500');
    expect(bench.matches([ip(), mss(2, 4, 5, 0xb4)])).toBe(true);
    expect(bench.matches([ip(), mss(1, 1, 2, 4, 2, 0, 0, 0)])).toBe(false);
    expect(bench.matches([ip(), mss()])).toBe(false);
    expect(rule('-p tcp -m tcpmss ! --mss 1400:1500').matches([ip(), mss()])).toBe(true);
  });

  test('a broken packet under an inverted test counts with iptables-legacy, not with iptables-nft, and is dropped', () => {
    const broken = Uint8Array.of(0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    for (const backend of ['legacy', 'nft'] as const) {
      const bench = new RuleBench('-A FORWARD -p sctp -m sctp ! --chunk-types any DATA -j ACCEPT', { backend });
      const layers = [ip({ protocol: 132 })];
      expect(bench.matches(layers, broken)).toBe(backend === 'legacy');
      expect(bench.run(bench.packet(layers, broken))).toBe(NF_DROP);
    }
  });

  test('tcpmss drops a header that is cut short', () => {
    const bench = rule('-p tcp -m tcpmss --mss 1');
    expect(bench.run(bench.packet([ip(), mss()], '', 6))).toBe(0);
  });

  test('ecn looks at TCP flags', () => {
    const tcp = (flags: number): Layer[] => [ip(), { tcp: { srcPort: 1, dstPort: 2, flags } }];
    expect(rule('-p tcp -m ecn --ecn-tcp-cwr').matches(tcp(0x82))).toBe(true);
    expect(rule('-p tcp -m ecn --ecn-tcp-ece').matches(tcp(0x82))).toBe(false);
    expect(rule('-p tcp -m ecn ! --ecn-tcp-ece --ecn-tcp-cwr').matches(tcp(0x80))).toBe(true);
  });

  test('esp, ah and ipcomp read their index, and drop what has none', () => {
    const esp = rule('-p esp -m esp --espspi 100:200');
    expect(esp.matches([ip(), { esp: { spi: 150 } }])).toBe(true);
    expect(esp.matches([ip(), { esp: { spi: 99 } }])).toBe(false);
    expect(esp.run(esp.packet([ip({ protocol: 50 })], 'ab'))).toBe(0);
    expect(rule('-p ah -m ah ! --ahspi 5').matches([ip(), { ah: { spi: 6 } }])).toBe(true);
    const ipcomp = rule('-p ipcomp -m ipcomp --ipcompspi 258');
    expect(ipcomp.matches([ip({ protocol: 108 })], Uint8Array.of(4, 0, 1, 2))).toBe(true);
  });
});

describe('matches on IPv6 extension headers', () => {
  const options = (...body: number[]): Layer => ({ hopByHop: { body: Uint8Array.from(body) } });

  test('hbh compares length and options in order', () => {
    const packet = ip6(options(5, 2, 0, 0, 1, 0), udp());
    expect(rule6('-m hbh --hbh-len 8').matches(packet)).toBe(true);
    expect(rule6('-m hbh ! --hbh-len 8').matches(packet)).toBe(false);
    expect(rule6('-m hbh --hbh-opts 5:2,1:0').matches(packet)).toBe(true);
    expect(rule6('-m hbh --hbh-opts 5,1').matches(packet)).toBe(true);
    expect(rule6('-m hbh --hbh-opts 1,5').matches(packet)).toBe(false);
    expect(rule6('-m hbh').matches(ip6(udp()))).toBe(false);
    expect(rule6('-m dst').matches(packet)).toBe(false);
  });

  test('frag compares id and flags', () => {
    const packet = (offset: number, more: boolean): Layer[] => ip6({ fragment: { id: 7, offset, more } }, udp());
    expect(rule6('-m frag --fragid 5:7 --fragfirst --fragmore').matches(packet(0, true))).toBe(true);
    expect(rule6('-m frag --fraglast').matches(packet(0, true))).toBe(false);
    expect(rule6('-m frag ! --fragid 7').matches(packet(0, true))).toBe(false);
  });

  test('ipv6header compares the set of headers, or a part of it', () => {
    const packet = ip6(options(1, 4, 0, 0, 0, 0), udp());
    expect(rule6('-m ipv6header --header hop,prot').matches(packet)).toBe(true);
    expect(rule6('-m ipv6header --header hop').matches(packet)).toBe(false);
    expect(rule6('-m ipv6header --header hop --soft').matches(packet)).toBe(true);
    expect(rule6('-m ipv6header ! --header hop --soft').matches(packet)).toBe(false);
    expect(rule6('-m ipv6header --header prot').matches(ip6(udp()))).toBe(true);
  });

  test('rt compares type, segments and addresses', () => {
    const address = (last: number): number[] => [0xfd, ...new Array<number>(14).fill(0), last];
    const body = Uint8Array.from([0, 1, 0, 0, 0, 0, ...address(1), ...address(2)]);
    const packet = ip6({ routing: { body } }, udp());
    expect(rule6('-m rt --rt-type 0 --rt-segsleft 1 --rt-len 40 --rt-0-res').matches(packet)).toBe(true);
    expect(rule6('-m rt --rt-type 0 --rt-0-addrs fd00::1,fd00::2').matches(packet)).toBe(true);
    expect(rule6('-m rt --rt-type 0 --rt-0-addrs fd00::2').matches(packet)).toBe(false);
    expect(rule6('-m rt --rt-type 0 --rt-0-addrs fd00::2 --rt-0-not-strict').matches(packet)).toBe(true);
    expect(rule6('-m rt ! --rt-type 0').matches(packet)).toBe(false);
  });

  test('mh reads the type of a mobility message', () => {
    const message = Uint8Array.of(59, 0, 5, 0, 0, 0, 0, 0);
    const packet = [{ ipv6: { src: '::1', dst: '::2', nextHeader: 135 } }];
    expect(rule6('-p mh -m mh --mh-type bu').matches(packet, message)).toBe(true);
    expect(rule6('-p mh -m mh --mh-type 0:4').matches(packet, message)).toBe(false);
  });

  test('eui64 compares the Ethernet source with the address', () => {
    const bench = rule6('-m eui64');
    expect(bench.matches([{ ipv6: { src: 'fe80::ff:fe00:102', dst: '::2' } }, udp()])).toBe(true);
    expect(bench.matches([{ ipv6: { src: 'fe80::ff:fe00:103', dst: '::2' } }, udp()])).toBe(false);
  });
});
