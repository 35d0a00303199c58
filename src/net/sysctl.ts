/**
 * Kernel settings of one namespace by their dotted names (`net.ipv4.ip_forward`). Those who need one on the data path watch
 * it and keep the number. @module
 */
export class Sysctl {
  private readonly values = new Map<string, number>();
  private readonly watchers = new Map<string, ((value: number) => void)[]>();

  /** Declare a setting with the kernel's default. */
  define(key: string, value: number): void {
    if (!this.values.has(key)) this.values.set(key, value);
  }

  has(key: string): boolean {
    return this.values.has(key);
  }

  /** @throws {RangeError} when nothing here declares the key */
  get(key: string): number {
    const value = this.values.get(key);
    if (value === undefined) throw new RangeError(`unknown sysctl: ${key}`);
    return value;
  }

  /** @throws {RangeError} when nothing here declares the key */
  set(key: string, value: number): void {
    this.get(key);
    this.values.set(key, value);
    for (const tell of this.watchers.get(key) ?? []) tell(value);
  }

  /** Declare a setting and be told its value: now, and whenever it is set. */
  watch(key: string, initial: number, tell: (value: number) => void): void {
    this.define(key, initial);
    const list = this.watchers.get(key) ?? [];
    list.push(tell);
    this.watchers.set(key, list);
    tell(this.get(key));
  }

  /** Every key with its value, sorted. */
  entries(): [string, number][] {
    return [...this.values].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}
