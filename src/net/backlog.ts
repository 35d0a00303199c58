/**
 * Frames that have crossed a cable and wait to be received: softnet_data's input queue (net/core/dev.c). A device never
 * calls its peer's protocols from its own transmit, so a packet's work ends before the next one's begins. @module
 */
import type { Packet } from '../packet/packet.ts';
import type { Device } from './device.ts';

export class Backlog {
  private readonly devices: Device[] = [];
  private readonly packets: Packet[] = [];
  private head = 0;
  private running = false;

  /** `pkt` arrives at `dev`, as soon as what runs now is done. */
  push(dev: Device, pkt: Packet): void {
    this.devices.push(dev);
    this.packets.push(pkt);
  }

  /** Receive until nothing waits. `receive` hands one frame to the device's namespace. */
  run(receive: (dev: Device, pkt: Packet) => void): void {
    if (this.running) return;
    this.running = true;
    try {
      while (this.head < this.packets.length) {
        const i = this.head++;
        receive(this.devices[i]!, this.packets[i]!);
      }
    } finally {
      this.head = 0;
      this.devices.length = 0;
      this.packets.length = 0;
      this.running = false;
    }
  }
}
