/** Random lines of ipset text, of few values, so that they meet each other; used against the kernel and against a model. */
import { Random } from '../../src/sim/random.ts';

/** Types that a kernel may have, with the options that make them hold something. */
export const TYPES = [
  'hash:ip',
  'hash:ip,port',
  'hash:ip,port,ip',
  'hash:ip,port,net',
  'hash:net',
  'hash:net,port',
  'hash:net,iface',
  'hash:net,net',
  'hash:net,port,net',
  'hash:ip,mark',
  'hash:mac',
  'hash:ip,mac',
  'bitmap:ip',
  'bitmap:ip,mac',
  'bitmap:port',
  'list:set',
] as const;
export type TypeName = (typeof TYPES)[number];

export class Lines {
  private readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  below(n: number): number {
    return this.random.below(n);
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  /** One time in `n`. */
  seldom(n: number): boolean {
    return this.below(n) === 0;
  }

  private address4(): string {
    return this.pick([
      `10.0.0.${this.below(40)}`,
      `10.0.${this.below(3)}.${this.below(256)}`,
      `192.168.${this.below(4)}.1`,
    ]);
  }
  private address6(): string {
    return this.pick([
      `fd00::${this.below(40).toString(16)}`,
      `fd00:${this.below(3)}::1`,
      `2001:db8::${this.below(4)}:1`,
    ]);
  }

  private ip(six: boolean, many: boolean): string {
    if (six) return this.address6();
    if (!many || !this.seldom(6)) return this.address4();
    return this.pick([
      `10.0.0.${this.below(30)}/${this.pick([28, 29, 30, 31, 32])}`,
      `10.0.0.${this.below(20)}-10.0.0.${this.below(30)}`,
    ]);
  }

  private net(six: boolean): string {
    if (six)
      return this.seldom(3) ? this.address6() : `${this.address6()}/${this.pick([1, 10, 48, 64, 120, 127, 128])}`;
    if (this.seldom(6)) return `10.0.0.${this.below(20)}-10.0.1.${this.below(200)}`;
    return this.seldom(4) ? this.address4() : `${this.address4()}/${this.pick([1, 8, 16, 24, 25, 28, 31, 32])}`;
  }

  private port(six: boolean): string {
    const icmp = six
      ? ['icmpv6:echo-request', 'icmpv6:1/4', 'ipv6-icmp:200/3']
      : ['icmp:ping', 'icmp:3/4', 'icmp:40/1'];
    return this.pick([
      `${this.below(5) + 78}`,
      `tcp:${this.below(5) + 78}`,
      `udp:${this.below(3) + 53}`,
      'sctp:9',
      'udplite:7',
      'gre:0',
      '200:0',
      'http',
      'udp:domain',
      `tcp:${78 + this.below(4)}-${80 + this.below(6)}`,
      ...icmp,
    ]);
  }

  private mac(): string {
    return `02:00:00:00:00:0${this.below(4)}`;
  }

  /** An element of a type. */
  element(type: TypeName, six: boolean): string {
    switch (type) {
      case 'hash:ip':
        return this.ip(six, true);
      case 'hash:ip,port':
        return `${this.ip(six, true)},${this.port(six)}`;
      case 'hash:ip,port,ip':
        return `${this.ip(six, true)},${this.port(six)},${this.ip(six, false)}`;
      case 'hash:ip,port,net':
        return `${this.ip(six, true)},${this.port(six)},${this.net(six)}`;
      case 'hash:net':
        return this.net(six);
      case 'hash:net,port':
        return `${this.net(six)},${this.port(six)}`;
      case 'hash:net,iface':
        return `${this.net(six)},${this.pick(['', '', 'physdev:'])}${this.pick(['eth0', 'eth1', 'eth', 'lo'])}`;
      case 'hash:net,net':
        return `${this.net(six)},${this.net(six)}`;
      case 'hash:net,port,net':
        return `${this.net(six)},${this.port(six)},${this.net(six)}`;
      case 'hash:ip,mark':
        return `${this.ip(six, true)},0x${this.below(4)}`;
      case 'hash:mac':
        return this.mac();
      case 'hash:ip,mac':
        return `${this.ip(six, false)},${this.mac()}`;
      case 'bitmap:ip':
        return this.ip(false, true);
      case 'bitmap:ip,mac':
        return `${this.ip(false, false)}${this.pick(['', `,${this.mac()}`])}`;
      case 'bitmap:port':
        return this.pick([`${75 + this.below(12)}`, `${78 + this.below(4)}-${78 + this.below(8)}`, 'http', 'tcp:81']);
      default:
        return `${this.pick(['m0', 'm1', 'm2', 'nosuch'])}${this.pick(['', '', ' before m0', ' after m1', ' before m2'])}`;
    }
  }

  /** Options of `create` behind the type, `initval` and all. */
  createOptions(type: TypeName, six: boolean, extensions: readonly string[]): string {
    const words: string[] = [];
    if (type.startsWith('hash:')) {
      if (type !== 'hash:mac') words.push(`family ${six ? 'inet6' : 'inet'}`);
      words.push(`hashsize ${this.pick([64, 64, 100, 1024, 2048])}`, `initval ${this.below(1000)}`);
      if (this.seldom(3)) words.push(`maxelem ${this.pick([3, 10, 20, 100])}`);
      if (this.seldom(3)) words.push(`bucketsize ${this.pick([1, 2, 3, 4, 6, 40])}`);
      if (this.seldom(6)) words.push('forceadd');
      if ((type === 'hash:ip' || type === 'hash:ip,port') && this.seldom(3)) words.push(this.mask(type, six));
    } else if (type === 'bitmap:port') words.push('range 75-85');
    else if (type !== 'list:set')
      words.push(this.pick(['range 10.0.0.0/24', 'range 10.0.0.0-10.0.1.3', 'range 10.0.0.5-10.0.0.31']));
    if (type === 'bitmap:ip' && this.seldom(3)) words.push('netmask 28');
    return [...words, ...extensions].join(' ');
  }

  private mask(type: TypeName, six: boolean): string {
    if (six) return this.pick(['netmask 64', 'bitmask ffff::ff']);
    return type === 'hash:ip' ? this.pick(['netmask 29', 'netmask 24', 'bitmask 255.0.255.7']) : 'netmask 24';
  }

  extensions(): string[] {
    return ['timeout 1000', 'counters', 'comment', 'skbinfo'].filter(() => this.seldom(3));
  }

  /** What an `add` line may give to an element of a set with those extensions. */
  addOptions(type: TypeName, extensions: readonly string[]): string {
    const words: string[] = [];
    if (type.includes('net') && this.seldom(5)) words.push('nomatch');
    if (type === 'hash:net,iface' && this.seldom(4)) words.push('wildcard');
    if (extensions.includes('timeout 1000') && this.seldom(3)) words.push(`timeout ${this.pick([0, 500, 2000])}`);
    if (extensions.includes('counters') && this.seldom(3))
      words.push(`packets ${this.below(10)} bytes ${this.below(1000)}`);
    if (extensions.includes('comment') && this.seldom(3)) words.push(this.pick(['comment "a b, c"', 'comment x']));
    if (extensions.includes('skbinfo') && this.seldom(3))
      words.push(this.pick(['skbmark 0x5', 'skbmark 0x5/0xff skbprio 1:ab', 'skbqueue 7', 'skbmark 0x0/0x0']));
    return words.join(' ');
  }
}

/** A text that makes one set, and adds to it and deletes from it. One command a line. */
export function randomLines(seed: number, type: TypeName, count: number): string[] {
  const lines = new Lines(seed);
  const six = lines.seldom(3) && type.startsWith('hash:') && type !== 'hash:mac';
  const extensions = lines.extensions();
  const first =
    type === 'list:set'
      ? ['create m0 hash:ip initval 1', 'create m1 hash:net initval 2', 'create m2 bitmap:port range 1-9']
      : [];
  first.push(`create s ${type} ${lines.createOptions(type, six, extensions)}`.trim());
  for (let i = 0; i < count; i++) {
    const element = lines.element(type, six);
    // What a range has done until it meets an element that is there stays done in the kernel, but not here.
    const exist = lines.seldom(4) ? '-exist ' : '';
    if (lines.seldom(5)) first.push(`${exist}del s ${element}`);
    else first.push(`${exist}add s ${element} ${lines.addOptions(type, extensions)}`.trim());
    if (lines.seldom(60)) first.push('flush s');
  }
  return first;
}
