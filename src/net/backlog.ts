/**
 * Frames that have crossed a cable and wait to be received: softnet_data of net/core/dev.c. A device never
 * calls its peer's protocols from its own transmit, so a packet's work ends before the next one's begins. @module
 */
import type { Packet } from '../packet/packet.ts';
import { reason } from '../packet/reason.ts';
import type { Device } from './device.ts';

const CPU_BACKLOG = reason('CPU_BACKLOG');
/** net.core.netdev_max_backlog: frames that may wait. */
const MAX_BACKLOG = 1000;
const SIZE = 1024;

/** What a workqueue does, step by step; frames that a step makes wait are received before the next one. */
export interface Work {
  /** @returns whether this was the last step */
  run(): boolean;
}

/** A ring; frames that find it full are dropped. */
export class Backlog {
  private readonly devices: (Device | null)[] = new Array<Device | null>(SIZE).fill(null);
  private readonly packets: (Packet | null)[] = new Array<Packet | null>(SIZE).fill(null);
  private head = 0;
  /** Frames that wait. */
  length = 0;
  /** Transmits under way inside each other, as devices that send through others make them: softnet_data.xmit.recursion. */
  recursion = 0;
  /** Which run is under way, counted from 1; 0 while none is. */
  round = 0;
  private rounds = 0;
  private readonly work: Work[] = [];

  /** `pkt` arrives at `dev`, as soon as what runs now is done. */
  push(dev: Device, pkt: Packet): void {
    if (this.length >= MAX_BACKLOG) {
      dev.ns.drop(pkt, CPU_BACKLOG);
      return;
    }
    const slot = (this.head + this.length++) % SIZE;
    this.devices[slot] = dev;
    this.packets[slot] = pkt;
  }

  /** Work to begin when no frame waits: queue_work. */
  defer(work: Work): void {
    this.work.push(work);
  }

  /** Receive until nothing waits. */
  run(): void {
    if (this.round !== 0) return;
    this.round = ++this.rounds;
    try {
      this.receiveAll();
      while (this.work.length > 0) {
        if (this.work[0]!.run()) this.work.shift();
        this.receiveAll();
      }
    } finally {
      this.round = 0;
    }
  }

  private receiveAll(): void {
    while (this.length > 0) {
      const slot = this.head;
      const dev = this.devices[slot]!;
      const pkt = this.packets[slot]!;
      this.devices[slot] = this.packets[slot] = null;
      this.head = (slot + 1) % SIZE;
      this.length--;
      dev.ns.receive(pkt, dev);
    }
  }
}
