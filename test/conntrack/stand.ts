/**
 * A router without routes, for tests: frames run through the hooks of one namespace as a forwarded packet does, so that
 * connection tracking and NAT are seen alone.
 */
import { Conntrack } from '../../src/conntrack/conntrack.ts';
import type { NatRange } from '../../src/conntrack/nat-range.ts';
import { Backlog } from '../../src/net/backlog.ts';
import { Device } from '../../src/net/device.ts';
import {
  FORWARD,
  INPUT,
  NF_ACCEPT,
  POSTROUTING,
  PREROUTING,
  PRI_NAT_DST,
  PRI_NAT_SRC,
  type Verdict,
} from '../../src/net/hook.ts';
import { Netns } from '../../src/net/netns.ts';
import { PacketPool } from '../../src/packet/arena.ts';
import { compose } from '../../src/packet/compose.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../../src/packet/ethernet.ts';
import type { Layer } from '../../src/packet/layer.ts';
import type { Packet } from '../../src/packet/packet.ts';
import { reason } from '../../src/packet/reason.ts';
import { Clock } from '../../src/sim/clock.ts';
import { Random } from '../../src/sim/random.ts';

class Stub extends Device {
  override transmit(pkt: Packet): void {
    this.ns.pool.release(pkt);
  }
}

/** What came out: the bytes from the IP header on, or null when a hook dropped the packet. */
export interface Outcome {
  readonly bytes: Uint8Array | null;
  /** STATE_* as a rule in FORWARD sees it, -1 when it did not get there. */
  readonly state: number;
  readonly ctInfo: number;
  readonly ct: number;
}

/** Where a packet goes after PREROUTING. */
export type Way = 'forward' | 'input' | 'drop';

export class Stand {
  readonly clock: Clock = new Clock();
  readonly pool: PacketPool = new PacketPool();
  readonly ns: Netns;
  readonly conntrack: Conntrack;
  readonly iif: Device;
  readonly oif: Device;
  /** Tells more of the packet while it is in FORWARD. */
  onForward: ((pkt: Packet) => void) | null = null;

  constructor(seed = 1) {
    const world = { pool: this.pool, clock: this.clock, random: new Random(seed), backlog: new Backlog() };
    this.ns = new Netns('r', world);
    this.iif = new Stub(this.ns, { name: 'eth0', mac: new Uint8Array(6), mtu: 1500 });
    this.oif = new Stub(this.ns, { name: 'eth1', mac: new Uint8Array(6), mtu: 1500 });
    this.conntrack = new Conntrack(this.ns);
    this.conntrack.use('ipv4');
    this.conntrack.use('ipv6');
    this.ns.sysctl.set('net.netfilter.nf_conntrack_acct', 1);
  }

  /** Translate every new flow at a hook as `ranges` says; null leaves it to no rule. */
  nat(hook: number, manip: number, range: (pkt: Packet) => NatRange | null, family: 'ipv4' | 'ipv6' = 'ipv4'): void {
    const run = (pkt: Packet): Verdict => {
      const chosen = range(pkt);
      return chosen === null ? NF_ACCEPT : this.conntrack.nat.setup(pkt, chosen, manip);
    };
    this.conntrack.nat.register(hook, { priority: manip === 0 ? PRI_NAT_SRC : PRI_NAT_DST, run }, family);
  }

  /** Send a packet of these layers through the router. */
  send(layers: readonly Layer[], payload: Uint8Array | string = '', way: Way = 'forward'): Outcome {
    return this.sendBytes(compose(layers, payload), way);
  }

  /** The same for the bytes of an IP packet. */
  sendBytes(bytes: Uint8Array, way: Way = 'forward'): Outcome {
    const pkt = this.pool.from(bytes);
    if (pkt === null) throw new Error('no packet');
    pkt.l3 = pkt.data;
    pkt.protocol = bytes[0]! >>> 4 === 4 ? ETH_P_IP : ETH_P_IPV6;
    const outcome = this.pass(pkt, way);
    if (outcome.bytes === null || way !== 'forward') this.ns.drop(pkt, reason('NOT_SPECIFIED'));
    else this.pool.release(pkt);
    return outcome;
  }

  private pass(pkt: Packet, way: Way): Outcome {
    const { iif, oif } = this;
    const hooks = pkt.protocol === ETH_P_IP ? this.ns.hooks4 : this.ns.hooks6;
    const dead = (state: number): Outcome => ({ bytes: null, state, ctInfo: pkt.ctInfo, ct: pkt.ct });
    if (hooks.run(PREROUTING, pkt, iif, this.ns.devices[0]!) !== NF_ACCEPT) return dead(-1);
    const state = this.conntrack.stateBit(pkt);
    this.onForward?.(pkt);
    const { ct, ctInfo } = pkt;
    const rest = way === 'input' ? [INPUT] : way === 'forward' ? [FORWARD, POSTROUTING] : [];
    for (const hook of rest) if (hooks.run(hook, pkt, iif, oif) !== NF_ACCEPT) return dead(state);
    return { bytes: pkt.bytes.slice(pkt.l3, pkt.end), state, ctInfo, ct };
  }

  /** Let time pass, in seconds. */
  wait(seconds: number): void {
    this.clock.advance(this.clock.now + seconds * 1e9);
  }
}
