/** A node with one port, pods whose devices sit on it, and frames for them. */
import type { Device } from '../../src/net/device.ts';
import { INPUT, NF_ACCEPT, PREROUTING } from '../../src/net/hook.ts';
import { Netns } from '../../src/net/netns.ts';
import { Host, ip } from './host.ts';

export const NODE_MAC = '02:00:00:00:01:01';

export class Lan {
  readonly host: Host = new Host();
  readonly eth0: Device = this.host.port('eth0', NODE_MAC, ['10.0.0.1/24']);
  /** `NAME HOOK` of each packet that a namespace's hooks saw since it was last taken. */
  private seen: string[] = [];

  constructor() {
    this.watch('node', this.host.ns);
  }

  /** A pod; `make` makes its device. */
  pod<T extends Device>(n: number, make: (ns: Netns, lower: Device) => T): T {
    const ns = new Netns(`p${n}`, this.host.world);
    const dev = make(ns, this.eth0);
    ns.addresses.add(dev, ip(`10.0.0.${10 + n}`), 24);
    this.watch(`p${n}`, ns);
    return dev;
  }

  /** Whose PREROUTING and INPUT saw the packets of a frame that comes in. */
  heard(frame: Uint8Array): string {
    this.seen = [];
    this.host.inject('eth0', frame);
    return this.seen.join(' ');
  }

  /** The same for a frame that a device sends; `out` stands for one that left the node. */
  sends(dev: Device, frame: Uint8Array): string {
    this.seen = [];
    dev.ns.transmit(this.host.pool.from(frame)!, dev);
    const left = this.host.settle();
    return [...this.seen, ...left.map(() => 'out')].join(' ');
  }

  private watch(name: string, ns: Netns): void {
    for (const [hook, label] of [
      [PREROUTING, 'pre'],
      [INPUT, 'in'],
    ] as const) {
      ns.hooks4.register(hook, {
        priority: 0,
        run: () => {
          this.seen.push(`${name}:${label}`);
          return NF_ACCEPT;
        },
      });
    }
  }
}
