/**
 * What happened to a packet: an observer. The data path writes rows of integers; text is made when somebody reads. With no
 * trace attached a stage pays one comparison (`ns.trace !== null`). @module
 */
import type { Packet } from '../packet/packet.ts';
import type { Clock } from './clock.ts';

/** Named values of one event, in the order in which they are printed. */
export type TraceFields = Readonly<Record<string, string | number>>;

/** A place in the code that tells what it does; it stands next to the code that decides. */
export interface Stage {
  /** `hook`, `rule`, `nat`, `route`, `neigh`, `drop`, `transmit` ... */
  readonly kind: string;
  /** The namespace, where there is one. */
  readonly ns: string;
  /** Turn the four integers of a row into named values. */
  describe(a: number, b: number, c: number, d: number): TraceFields;
}

/** One row, in words. */
export interface TraceEvent {
  /** Nanoseconds since the run began. */
  readonly time: number;
  /** `Packet.id` of the packet. */
  readonly packet: number;
  readonly ns: string;
  readonly kind: string;
  readonly fields: TraceFields;
  /** The packet's first bytes at that moment, from the network header on where it is known. */
  readonly bytes: Uint8Array;
  /** Ethertype of `bytes` (host order), 0 when they begin with a link header. */
  readonly protocol: number;
}

/** Bytes of the packet kept with each row. */
const SNAP = 96;

/** What happened, in rows of integers. */
export class Trace {
  private readonly clock: Clock;
  private readonly rows: { time: number; packet: number; stage: Stage; args: [number, number, number, number] }[] = [];
  private snaps: { bytes: Uint8Array; protocol: number }[] = [];

  constructor(clock: Clock) {
    this.clock = clock;
  }

  record(stage: Stage, pkt: Packet, a = 0, b = 0, c = 0, d = 0): void {
    this.rows.push({ time: this.clock.now, packet: pkt.id, stage, args: [a, b, c, d] });
    const from = pkt.l3 < 0 ? pkt.data : pkt.l3;
    const bytes = pkt.bytes.slice(from, Math.min(pkt.end, from + SNAP));
    this.snaps.push({ bytes, protocol: pkt.l3 < 0 ? 0 : pkt.protocol });
  }

  /** The events since the last call, as values; they are forgotten here. */
  drain(): TraceEvent[] {
    const events = this.rows.map(({ time, packet, stage, args }, i): TraceEvent => {
      const { bytes, protocol } = this.snaps[i]!;
      return { time, packet, ns: stage.ns, kind: stage.kind, fields: stage.describe(...args), bytes, protocol };
    });
    this.rows.length = 0;
    this.snaps = [];
    return events;
  }
}
