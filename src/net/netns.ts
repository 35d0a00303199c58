/** A network namespace: devices, hooks, protocols, settings and counters of one node or pod. include/net/net_namespace.h. @module */
import type { PacketPool } from '../packet/arena.ts';
import type { Packet } from '../packet/packet.ts';
import { REASONS, reason, reasonName } from '../packet/reason.ts';
import type { Clock } from '../sim/clock.ts';
import type { Random } from '../sim/random.ts';
import { TimerWheel } from '../sim/timer-wheel.ts';
import type { Stage, Trace } from '../sim/trace.ts';
import { Addresses } from './address.ts';
import { Arp } from './arp.ts';
import type { Backlog } from './backlog.ts';
import { DeviceConf } from './dev-conf.ts';
import { type Device, NullDevice } from './device.ts';
import { Fib } from './fib.ts';
import { Hooks, NF_ACCEPT, NF_DROP } from './hook.ts';
import { Icmp } from './icmp.ts';
import { InetPeers } from './inet-peer.ts';
import { Ipv4 } from './ip.ts';
import type { Ipv6 } from './ip6.ts';
import { Loopback } from './loopback.ts';
import { Neighbours } from './neigh.ts';
import { PathMtus } from './pmtu.ts';
import { receive } from './receive.ts';
import { Sockets } from './socket.ts';
import { Sysctl } from './sysctl.ts';

const NOT_SPECIFIED = reason('NOT_SPECIFIED');
const NETFILTER_DROP = reason('NETFILTER_DROP');
const DEV_READY = reason('DEV_READY');
const RECURSION_LIMIT = reason('RECURSION_LIMIT');
const LOOPBACK_ADDRESS = 0x7f000001;

/** Devices that send through one another, include/linux/netdevice.h: more is a loop. */
const XMIT_RECURSION_LIMIT = 8;

/** What all namespaces of one lab share. */
export interface World {
  readonly pool: PacketPool;
  readonly clock: Clock;
  readonly random: Random;
  readonly backlog: Backlog;
  /** Wall-clock time at which the run began, seconds of the Unix epoch (the `time` match); absent: 0. */
  epochSeconds?: number;
}

/** A network namespace: struct net. */
export class Netns {
  readonly name: string;
  readonly world: World;
  readonly pool: PacketPool;
  readonly clock: Clock;
  /** Timers with the kernel's coarseness. */
  readonly timers: TimerWheel;
  readonly random: Random;
  readonly sysctl: Sysctl = new Sysctl();
  readonly hooks4: Hooks = new Hooks();
  readonly hooks6: Hooks = new Hooks();
  readonly hooksBridge: Hooks = new Hooks();
  /** By ifindex; [0] is a placeholder that no packet is on. */
  readonly devices: Device[] = [];
  /** Packets that died here, by reason. */
  readonly drops: Float64Array = new Float64Array(REASONS);
  trace: Trace | null = null;
  readonly conf: DeviceConf;
  readonly addresses: Addresses;
  readonly fib: Fib;
  readonly peers: InetPeers;
  readonly pmtu: PathMtus;
  /** IPv4 neighbours, and the protocol that finds them. */
  readonly neigh: Neighbours;
  readonly arp: Arp;
  readonly ip: Ipv4;
  readonly icmp: Icmp;
  readonly sockets: Sockets = new Sockets();
  /** Takes IPv6 packets, where there is IPv6: `new Ipv6(ns)` puts itself here. */
  ipv6: Ipv6 | null = null;
  /** devices[0], for hooks that have no device on one side. */
  readonly noDevice: Device;
  readonly loopback: Loopback;
  private readonly dropStage: Stage;
  private readonly transmitStage: Stage;
  private readonly pernet = new Map<new () => object, object>();

  constructor(name: string, world: World) {
    this.name = name;
    this.world = world;
    this.pool = world.pool;
    this.clock = world.clock;
    this.timers = new TimerWheel(world.clock);
    this.random = world.random;
    this.dropStage = { kind: 'drop', ns: name, describe: (code) => ({ reason: reasonName(code) }) };
    this.transmitStage = { kind: 'transmit', ns: name, describe: (oif) => ({ dev: this.devices[oif]!.name }) };
    this.conf = new DeviceConf(this.sysctl);
    this.addresses = new Addresses(this);
    this.fib = new Fib(this);
    this.peers = new InetPeers(this);
    this.pmtu = new PathMtus(this);
    this.neigh = new Neighbours(this);
    this.arp = new Arp(this);
    this.ip = new Ipv4(this);
    this.icmp = new Icmp(this);
    this.noDevice = new NullDevice(this);
    this.loopback = new Loopback(this);
    this.addresses.add(this.loopback, LOOPBACK_ADDRESS, 8, { broadcast: 0 });
  }

  /** What a part of the stack keeps per namespace, made when first asked for: net_generic (include/net/netns/generic.h). */
  generic<T extends object>(kind: new () => T): T {
    const known = this.pernet.get(kind);
    if (known !== undefined) return known as T;
    const made = new kind();
    this.pernet.set(kind, made);
    return made;
  }

  /** Called by a device's constructor. @returns its ifindex */
  addDevice(device: Device): number {
    return this.devices.push(device) - 1;
  }

  /** Called by a device's constructor once it has its index: its settings begin. */
  registerDevice(device: Device): void {
    this.conf.addDevice(device);
    this.neigh.conf.addDevice(device);
    this.ipv6?.addDevice(device);
  }

  /** `ip link set DEV up|down`: routes come with the device's addresses and go with it. */
  setUp(device: Device, up: boolean): void {
    if (device.up === up) return;
    device.up = up;
    if (up) {
      this.addresses.deviceUp(device);
      this.ipv6?.addresses.deviceUp(device);
    } else {
      this.fib.deviceDown(device);
      this.neigh.deviceDown(device);
      this.ipv6?.deviceDown(device);
    }
  }

  /** A device by name, or undefined. */
  device(name: string): Device | undefined {
    return this.devices.find((device) => device.name === name);
  }

  /** A frame arrived: {@link receive}. */
  receive(pkt: Packet, dev: Device): void {
    receive(this, pkt, dev);
  }

  /** dev_queue_xmit: `pkt.data` at the Ethernet header; the device owns the packet. Runs per packet: no allocation. */
  transmit(pkt: Packet, dev: Device): void {
    if (this.trace !== null) this.trace.record(this.transmitStage, pkt, dev.index);
    const { backlog } = this.world;
    if (!dev.up) this.drop(pkt, DEV_READY);
    else if (backlog.recursion > XMIT_RECURSION_LIMIT) this.drop(pkt, RECURSION_LIMIT);
    else {
      backlog.recursion++;
      dev.transmit(pkt);
      backlog.recursion--;
    }
  }

  /** NF_HOOK of IPv4. @returns whether every function accepted; if not, the packet is gone */
  hook4(hook: number, pkt: Packet, iif: Device, oif: Device): boolean {
    const verdict = this.hooks4.run(hook, pkt, iif, oif);
    if (verdict === NF_ACCEPT) return true;
    if (verdict === NF_DROP) this.drop(pkt, pkt.reason || NETFILTER_DROP);
    return false;
  }

  /** A packet dies: count it, tell the trace, give its slot back. Runs per packet: no allocation. */
  drop(pkt: Packet, why: number): void {
    const code = why || NOT_SPECIFIED;
    this.drops[code]!++;
    if (this.trace !== null) this.trace.record(this.dropStage, pkt, code);
    this.pool.release(pkt);
  }
}
