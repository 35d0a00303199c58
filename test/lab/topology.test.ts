import { expect, test } from 'vitest';
import { LabError } from '../../src/lab/shape.ts';
import { labSource, readCase, splitTexts } from '../../src/lab/source.ts';
import { checkTopology } from '../../src/lab/topology.ts';

const valid = () => ({
  namespaces: {
    r: {
      links: [
        { name: 'eth0', type: 'port', port: 'a', mac: '02:00:00:00:01:01', mtu: 1500, addrs: ['10.0.1.1/24'] },
        { name: 'veth0', type: 'veth', peer: ['p', 'eth0'] },
      ],
      neigh: [{ ip: '10.0.1.2', mac: '02:00:00:00:01:02', dev: 'eth0' }],
      routes: [{ dst: 'default', via: '10.0.1.2', dev: 'eth0' }],
    },
    p: { links: [{ name: 'eth0', type: 'veth', peer: ['r', 'veth0'] }] },
  },
  ports: { a: { ns: 'r', dev: 'eth0' } },
});

/** The message for a description changed in one place. */
function complaint(change: (topology: ReturnType<typeof valid> & Record<string, unknown>) => void): string {
  const topology = valid();
  change(topology as ReturnType<typeof valid> & Record<string, unknown>);
  try {
    checkTopology(topology, 'topology.json');
  } catch (error) {
    expect(error).toBeInstanceOf(LabError);
    return (error as LabError).message;
  }
  return 'nothing';
}

test('a right description passes', () => {
  expect(checkTopology(valid(), 'topology.json')).toEqual(valid());
});

test('what is wrong is told with file and path, what was found and what was expected', () => {
  expect(complaint((t) => Object.assign(t.namespaces.r.links[0]!, { mac: 'zz' }))).toBe(
    'topology.json: namespaces.r.links[0].mac: found "zz", expected a MAC address (aa:bb:cc:dd:ee:ff)',
  );
  expect(complaint((t) => Object.assign(t.namespaces.r.links[0]!, { addrs: ['10.0.1.1/33'] }))).toBe(
    'topology.json: namespaces.r.links[0].addrs[0]: found "10.0.1.1/33", expected an address with a prefix length (10.0.0.1/24, fd00::1/64)',
  );
  expect(complaint((t) => Object.assign(t.namespaces.r.links[0]!, { mtu: 1.5 }))).toBe(
    'topology.json: namespaces.r.links[0].mtu: found 1.5, expected a whole number from 68 to 65535',
  );
  expect(complaint((t) => Object.assign(t, { namespaces: [] }))).toBe(
    'topology.json: namespaces: found [], expected a mapping',
  );
});

test('a device type that does not exist is told with those that do', () => {
  expect(complaint((t) => Object.assign(t.namespaces.r.links[0]!, { type: 'wifi' }))).toBe(
    'topology.json: namespaces.r.links[0].type: found "wifi", expected one of port, veth, bridge, vxlan, lo, dummy, tap, vlan, macvlan, ipvlan, ipip',
  );
});

test('a field that does not exist is refused', () => {
  expect(complaint((t) => Object.assign(t.namespaces.r.neigh[0]!, { lladdr: 'x' }))).toBe(
    'topology.json: namespaces.r.neigh[0].lladdr: unknown field, expected ip, dev, mac, state, proxy',
  );
});

test('a name that leads nowhere is told where it is used', () => {
  expect(complaint((t) => Object.assign(t.namespaces.r.routes[0]!, { dev: 'eth9' }))).toBe(
    'topology.json: namespaces.r.routes[0].dev: unknown device "eth9", expected one of lo, eth0, veth0',
  );
  expect(complaint((t) => Object.assign(t.ports, { b: { ns: 'x', dev: 'eth0' } }))).toBe(
    'topology.json: ports.b.ns: found "x", expected one of r, p',
  );
  expect(complaint((t) => Object.assign(t.namespaces.p.links[0]!, { peer: ['r', 'eth0'] }))).toBe(
    'topology.json: namespaces.r.links[1].peer: found ["p","eth0"], expected [namespace, device] of the other end, a veth cabled back',
  );
});

test('texts belong to namespaces', () => {
  const source = labSource(valid(), 'topology.json', new Map([['r.rules', '*filter\nCOMMIT\n']]), 'case/');
  expect(source.rules.get('r')).toEqual({ file: 'case/r.rules', text: '*filter\nCOMMIT\n' });
  expect(() => labSource(valid(), 'topology.json', new Map([['q.rules', '']]))).toThrow(
    'q.rules: unknown namespace "q", expected one of r, p',
  );
  expect(() => labSource(valid(), 'topology.json', new Map([['r.nft', '']]))).toThrow(
    /^r\.nft: nft files are not supported yet/,
  );
});

test('texts inside a description are taken out of it', () => {
  const topology = { ...valid(), 'p.rules': 'top' } as Record<string, unknown>;
  Object.assign((topology['namespaces'] as ReturnType<typeof valid>['namespaces']).r, {
    rules: 'inner',
    ipset: 'sets',
  });
  const { description, texts } = splitTexts(topology);
  expect(Object.fromEntries([...texts].map(([name, { text }]) => [name, text]))).toEqual({
    'p.rules': 'top',
    'r.rules': 'inner',
    'r.ipset': 'sets',
  });
  expect(description).toEqual(valid());
});

test('a case directory needs a description that is JSON', () => {
  expect(() => readCase(new Map())).toThrow('topology.json: no such file in the case directory');
  expect(() => readCase(new Map([['topology.json', '{']]), 'x/')).toThrow(/^x\/topology\.json: not JSON: /);
});
