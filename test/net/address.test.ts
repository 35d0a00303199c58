import { describe, expect, test } from 'vitest';
import { RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE } from '../../src/net/rtn.ts';
import { format4 } from '../../src/packet/address.ts';
import { Host, ip, router } from './host.ts';

function several(): Host {
  const host = new Host();
  host.port('eth0', '02:00:00:00:01:01', ['10.0.1.1/24', '10.0.1.9/24', '192.168.5.1/16']);
  host.port('eth1', '02:00:00:00:02:01', []);
  return host;
}

describe('the source to use', () => {
  const select = (host: Host, dev: string, dst: string, scope: number = RT_SCOPE_UNIVERSE): string =>
    format4(host.ns.addresses.select(host.ns.device(dev)!, ip(dst), scope));

  test('is on the subnet of the destination, else the first, never a secondary one', () => {
    expect(select(several(), 'eth0', '192.168.9.9')).toBe('192.168.5.1');
    expect(select(several(), 'eth0', '10.0.1.77')).toBe('10.0.1.1');
    expect(select(several(), 'eth0', '8.8.8.8')).toBe('10.0.1.1');
  });

  test('comes from another device where this one has none', () => {
    expect(select(several(), 'eth1', '8.8.8.8')).toBe('10.0.1.1');
  });

  test('of host scope is for the host alone', () => {
    expect(select(several(), 'lo', '8.8.8.8')).toBe('10.0.1.1');
    expect(select(several(), 'lo', '8.8.8.8', RT_SCOPE_HOST)).toBe('127.0.0.1');
  });
});

test('inet_confirm_addr: the address, and a subnet in common', () => {
  const { ns } = several();
  const confirm = (dst: string, local: string, scope: number, dev: string | null = 'eth0'): string =>
    format4(ns.addresses.confirm(dev === null ? null : ns.device(dev)!, ip(dst), ip(local), scope));
  expect(confirm('0.0.0.0', '10.0.1.9', RT_SCOPE_HOST)).toBe('10.0.1.9');
  expect(confirm('0.0.0.0', '10.0.1.8', RT_SCOPE_HOST)).toBe('0.0.0.0');
  expect(confirm('10.0.1.200', '10.0.1.1', RT_SCOPE_HOST)).toBe('10.0.1.1');
  expect(confirm('10.0.9.200', '10.0.1.1', RT_SCOPE_HOST)).toBe('0.0.0.0');
  expect(confirm('192.168.7.7', '0.0.0.0', RT_SCOPE_LINK)).toBe('192.168.5.1');
  expect(confirm('0.0.0.0', '10.0.1.1', RT_SCOPE_LINK, null)).toBe('10.0.1.1');
});

test('removing a primary address takes its secondary ones along', () => {
  const host = several();
  const { addresses, fib } = host.ns;
  const dev = host.ns.device('eth0')!;
  addresses.remove(addresses.of(dev)[0]!);
  expect(addresses.of(dev).map(({ address }) => format4(address))).toEqual(['192.168.5.1']);
  expect(addresses.has(ip('10.0.1.9'))).toBe(false);
  expect(fib.routes().map(({ prefix }) => format4(prefix))).toEqual(['192.168.0.0']);
  expect(addresses.has(ip('192.168.5.1'))).toBe(true);
});

test('an address cannot be added twice', () => {
  const host = router();
  expect(() => host.ns.addresses.add(host.ns.device('eth0')!, ip('10.0.1.1'), 24)).toThrow('File exists');
});
