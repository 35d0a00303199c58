import { describe, expect, test } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import { labSource } from '../../src/lab/source.ts';

const PORT = { name: 'eth0', type: 'port', port: 'a', mac: '02:00:00:00:01:01' };

/** A lab of one port and these links; `pod` are those of a second namespace. */
function lab(links: object[], pod: object[] = []): Lab {
  const namespaces = { r: { links: [PORT, ...links] }, p: { links: pod } };
  return new Lab(labSource({ namespaces, ports: { a: { ns: 'r', dev: 'eth0' } } }, 'lab.yaml', new Map()));
}

const complaint = (...args: Parameters<typeof lab>): string => {
  try {
    lab(...args);
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

describe('devices of a description', () => {
  test('are made in order, over namespaces too', () => {
    const { namespaces } = lab(
      [
        { name: 'tap0', type: 'tap' },
        { name: 'eth0.5', type: 'vlan', link: 'eth0', id: 5 },
        { name: 'd', type: 'dummy', driver: true },
        { name: 'tunl0', type: 'ipip', dev: 'eth0' },
      ],
      [{ name: 'eth0', type: 'macvlan', link: ['r', 'eth0.5'], mtu: 1400 }],
    );
    const { ns } = namespaces.get('r')!;
    expect(ns.devices.slice(1).map((dev) => `${dev.name} ${dev.mtu}`)).toEqual([
      'lo 65536',
      'eth0 1500',
      'tap0 1500',
      'eth0.5 1500',
      'd 1500',
      'tunl0 1480',
    ]);
    expect(ns.device('eth0.5')!.mac).toEqual(ns.device('eth0')!.mac);
    expect(ns.device('d')!.noArp).toBe(true);
    expect(namespaces.get('p')!.ns.device('eth0')!.mtu).toBe(1400);
  });

  test.each([
    [
      { name: 'v', type: 'vlan', link: 'eth9', id: 5 },
      'lab.yaml: namespaces.r.links[1].link: unknown device "eth9", expected one of lo, eth0, v',
    ],
    [
      { name: 'v', type: 'vlan', link: ['x', 'eth0'], id: 5 },
      'lab.yaml: namespaces.r.links[1].link: found ["x","eth0"], expected [namespace, device]',
    ],
    [{ name: 'v', type: 'vlan', link: 'eth0' }, 'lab.yaml: namespaces.r.links[1].id: found nothing, expected a value'],
    [
      { name: 'v', type: 'vlan', link: 'v', id: 1 },
      'lab.yaml: namespaces.r.links[1]: v must be listed before what is made on it',
    ],
    [
      { name: 'v', type: 'vlan', link: 'eth0', id: 1, mtu: 9000 },
      'lab.yaml: namespaces.r.links[1]: MTU 9000 is more than the 1500 of eth0',
    ],
    [
      { name: 'm', type: 'macvlan', link: 'eth0', mode: 'hub' },
      'lab.yaml: namespaces.r.links[1].mode: found "hub", expected one of private, vepa, bridge, passthru, source',
    ],
    [
      { name: 'b', type: 'bridge', vlans: [{ vid: 5 }] },
      'lab.yaml: namespaces.r.links[1].vlans[0]: b knows no VLANs: expected vlan_filtering',
    ],
    [
      { name: 'd', type: 'dummy', driver: true, vlans: [{ vid: 5 }] },
      'lab.yaml: namespaces.r.links[1].vlans[0]: d is not a port of a bridge',
    ],
  ])('%j is refused', (link, message) => {
    expect(complaint([link])).toBe(message);
  });

  test('macvlan and ipvlan do not share a device', () => {
    const both = [
      { name: 'm', type: 'macvlan', link: 'eth0' },
      { name: 'i', type: 'ipvlan', link: 'eth0' },
    ];
    expect(complaint(both)).toBe('lab.yaml: namespaces.r.links[2]: eth0 is in use already: Device or resource busy');
  });

  test('VLANs of bridges are told, and kept in forwarding entries', () => {
    const namespaces = {
      r: {
        links: [
          { name: 'br0', type: 'bridge', mac: '02:00:00:00:00:b0', vlan_filtering: true, vlan_default_pvid: 7 },
          {
            ...PORT,
            master: 'br0',
            vlans: [
              { vid: 10, untagged: true },
              { vid: 7, del: true },
            ],
          },
        ],
        fdb: [{ mac: '02:00:00:00:0a:01', dev: 'eth0', vlan: 10, flags: ['master', 'static'] }],
      },
    };
    const topology = { namespaces, ports: { a: { ns: 'r', dev: 'eth0' } } };
    const state = new Lab(labSource(topology, 'lab.yaml', new Map())).state();
    expect(state.get('r.vlan')).toBe(
      'port              vlan-id  \nbr0               7 PVID Egress Untagged\neth0              10 Egress Untagged\n',
    );
    expect(state.get('r.fdb')).toContain('02:00:00:00:0a:01 dev eth0 vlan 10 master br0 static\n');
    namespaces.r.fdb[0]!.vlan = 11;
    expect(() => new Lab(labSource(topology, 'lab.yaml', new Map()))).toThrow('eth0 is not in VLAN 11');
  });
});
