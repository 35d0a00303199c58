/** The table of hash:net,iface: an element is equal when its name is, or is a prefix where it is a wildcard. @module */
import { HashTable, type Watcher } from './hash-table.ts';

export class InterfaceTable extends HashTable {
  /** Names by number; copies of the table share them. */
  names: string[] = [];
  /** The name that is looked for. */
  iface = '';

  /** The number of a name. */
  nameNumber(name: string): number {
    const known = this.names.indexOf(name);
    return known >= 0 ? known : this.names.push(name) - 1;
  }

  protected override equal(key: Int32Array, place: number): boolean {
    const { words } = this.shape;
    const { keys } = this;
    const at = this.keyAt(place);
    const tail = words - 3;
    for (let i = 0; i < tail; i++) if (keys[at + i] !== key[i]) return false;
    if (((keys[at + tail]! ^ key[tail]!) & 0xff0000) !== 0) return false;
    this.similar++;
    if (keys[at + tail] !== key[tail]) return false;
    const name = this.names[keys[at + tail + 1]!]!;
    return keys[at + tail + 2] === 1 ? this.iface.startsWith(name) : this.iface === name;
  }

  protected override another(bits: number, watcher: Watcher | null): InterfaceTable {
    const other = new InterfaceTable(this.shape, bits, this.bucketSize, this.extensions, watcher);
    other.names = this.names;
    return other;
  }
}
