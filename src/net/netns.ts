/** A network namespace: devices, hooks, protocols, settings and counters of one node or pod. include/net/net_namespace.h. @module */
import type { PacketPool } from '../packet/arena.ts';
import type { Packet } from '../packet/packet.ts';
import { REASONS, reason, reasonName } from '../packet/reason.ts';
import type { Clock } from '../sim/clock.ts';
import type { Random } from '../sim/random.ts';
import type { Stage, Trace } from '../sim/trace.ts';
import type { Backlog } from './backlog.ts';
import type { Device } from './device.ts';
import { Hooks } from './hook.ts';
import { Sysctl } from './sysctl.ts';

const NOT_SPECIFIED = reason('NOT_SPECIFIED');

/** What all namespaces of one lab share. */
export interface World {
  readonly pool: PacketPool;
  readonly clock: Clock;
  readonly random: Random;
  readonly backlog: Backlog;
  /** Wall-clock time at which the run began, seconds of the Unix epoch (the `time` match); absent: 0. */
  readonly epochSeconds?: number;
}

export class Netns {
  readonly name: string;
  readonly world: World;
  readonly pool: PacketPool;
  readonly clock: Clock;
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
  private readonly dropStage: Stage;
  private readonly pernet = new Map<new () => object, object>();

  constructor(name: string, world: World) {
    this.name = name;
    this.world = world;
    this.pool = world.pool;
    this.clock = world.clock;
    this.random = world.random;
    this.dropStage = { kind: 'drop', ns: name, describe: (code) => ({ reason: reasonName(code) }) };
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

  /** A device by name, or undefined. */
  device(name: string): Device | undefined {
    return this.devices.find((device) => device.name === name);
  }

  /** A packet dies: count it, tell the trace, give its slot back. Runs per packet: no allocation. */
  drop(pkt: Packet, why: number): void {
    const code = why || NOT_SPECIFIED;
    this.drops[code]!++;
    if (this.trace !== null) this.trace.record(this.dropStage, pkt, code);
    this.pool.release(pkt);
  }
}
