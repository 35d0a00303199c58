/** Settings that each device has its own values of, and `default` for devices to come: neigh_parms, ipv4_devconf. @module */
import type { Device } from './device.ts';
import type { Sysctl } from './sysctl.ts';

/** Settings of every device of one namespace, and `all` and `default`. */
export class PerDevice {
  protected readonly sysctl: Sysctl;
  protected readonly prefix: string;
  private readonly keys: readonly string[];
  /** By ifindex. */
  protected readonly rows: Int32Array[] = [];
  private readonly names: string[] = [];
  private readonly initial: Int32Array;
  /** Paths that were set themselves: a change of `default` leaves them (devinet_copy_dflt_conf, neigh_copy_dflt_parms). */
  private readonly own = new Set<string>();
  /** A value is being passed on: what it sets is not the device's own. */
  private spreading = false;

  /** @param prefix `net.ipv4.conf`; @param keys names and first values */
  constructor(sysctl: Sysctl, prefix: string, keys: readonly (readonly [name: string, value: number])[]) {
    this.sysctl = sysctl;
    this.prefix = prefix;
    this.keys = keys.map(([name]) => name);
    this.initial = Int32Array.from(keys, ([, value]) => value);
    keys.forEach(([name, value], key) => {
      sysctl.watch(`${prefix}.default.${name}`, value, (now) => this.setDefault(key, now));
    });
  }

  /** A device begins with the values of `default`. */
  addDevice(dev: Device): void {
    const row = this.initial.slice();
    this.rows[dev.index] = row;
    this.names[dev.index] = dev.name;
    this.keys.forEach((_, key) => {
      const path = this.path(dev.index, key);
      this.sysctl.watch(path, row[key]!, (value) => {
        row[key] = value;
        if (!this.spreading) this.own.add(path);
      });
      this.own.delete(path);
    });
  }

  /** The device's own value. Runs per packet. */
  get(dev: Device, key: number): number {
    return this.rows[dev.index]![key]!;
  }

  /** Give every device, and those to come, a value, as if `default` had said so. */
  protected setEverywhere(key: number, value: number): void {
    this.passOn(`${this.prefix}.default.${this.keys[key]}`, value);
    for (const i of this.names.keys()) if (i in this.names) this.passOn(this.path(i, key), value);
  }

  /** Set without making it the device's own; nothing happens when it is so already. */
  protected passOn(path: string, value: number): void {
    if (!this.sysctl.has(path) || this.sysctl.get(path) === value) return;
    const before = this.spreading;
    this.spreading = true;
    this.sysctl.set(path, value);
    this.spreading = before;
  }

  private path(device: number, key: number): string {
    return `${this.prefix}.${this.names[device]}.${this.keys[key]}`;
  }

  private setDefault(key: number, value: number): void {
    this.initial[key] = value;
    for (const i of this.names.keys()) {
      if (i in this.names && !this.own.has(this.path(i, key))) this.passOn(this.path(i, key), value);
    }
  }
}
