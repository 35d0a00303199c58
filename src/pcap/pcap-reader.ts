/** Reads pcap as a stream: both byte orders, micro- and nanoseconds. draft-ietf-opsawg-pcap. @module */
import { BLOCK_PCAP_RECORD, type CaptureInterface } from './block.ts';
import { Cursor } from './cursor.ts';
import { Inbox } from './inbox.ts';
import { Reader, type ReaderOptions } from './reader.ts';

/** The file header: what `PcapWriter` takes back to write the same one. */
export interface PcapHeader {
  readonly littleEndian: boolean;
  /** Time stamps count nanoseconds, else microseconds. */
  readonly nanosecond: boolean;
  /** Both reserved; once the time zone's offset and the accuracy of time stamps. */
  readonly thiszone: number;
  readonly sigfigs: number;
  readonly snapLength: number;
  /** The last word: LINKTYPE_ value in the low 16 bits; FCS length (in 16-bit words) in the top 4 if bit 26 is set. */
  readonly network: number;
}

export const PCAP_MICROSECOND = 0xa1b2c3d4;
export const PCAP_NANOSECOND = 0xa1b23c4d;

const HEADER_LEN = 24;
const RECORD_LEN = 16;

/** Files that look like pcap and have other records: refused. libpcap, sf-pcap.c; wireshark, wiretap/libpcap.h. */
const MODIFIED = new Map([
  [0xa1b2cd34, "Kuznetzov's modified pcap"],
  [0xa1b234cd, "Mesquita's modified pcap"],
  [0xa12b3c4d, "Navtel's modified pcap"],
  [0x1c0001ac, 'Ixia lcap (hardware)'],
  [0x1c0001ab, 'Ixia lcap (software)'],
]);

/** Name of a modified form of pcap, or undefined. @param magic the first four bytes of the file, read big endian */
export function modifiedPcap(magic: number): string | undefined {
  return MODIFIED.get(magic) ?? MODIFIED.get(swap(magic));
}

/** Is it pcap that can be read? @param magic as {@link modifiedPcap} */
export function isPcapMagic(magic: number): boolean {
  const other = swap(magic);
  return [magic, other].some((word) => word === PCAP_MICROSECOND || word === PCAP_NANOSECOND);
}

const swap = (word: number): number =>
  ((word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff0000) | (word << 24)) >>> 0;

/** Every `next` is a packet of interface 0, which the file header describes. */
export class PcapReader extends Reader {
  /** Undefined until the first 24 bytes are there and `next` was called. */
  header: PcapHeader | undefined;
  private device: CaptureInterface[] = [];
  private nanosPerTick = 1;

  constructor(options: ReaderOptions = {}, inbox: Inbox = new Inbox(), cursor: Cursor = new Cursor()) {
    super(options, inbox, cursor);
  }

  override get interfaces(): readonly CaptureInterface[] {
    return this.device;
  }

  /** Runs per packet: no allocation. */
  protected override advance(): boolean {
    const { cursor, inbox } = this;
    if (this.header === undefined && !this.readHeader()) return false;
    const at = inbox.start;
    const here = inbox.end - at;
    if (here < RECORD_LEN) return false;
    const { view } = inbox;
    const { littleEndian } = cursor;
    const captured = view.getUint32(at + 8, littleEndian);
    const limit = this.maxBlockLength - RECORD_LEN;
    if (captured > limit) throw this.fail(`record of ${captured} bytes of packet, expected ${limit} or less`);
    if (here < RECORD_LEN + captured) return false;
    cursor.bytes = inbox.bytes;
    cursor.view = view;
    cursor.offset = inbox.offset;
    cursor.blockAt = at;
    cursor.blockEnd = at + RECORD_LEN + captured;
    cursor.ticksHigh = view.getUint32(at, littleEndian);
    cursor.ticksLow = view.getUint32(at + 4, littleEndian);
    this.setTime();
    cursor.dataAt = at + RECORD_LEN;
    cursor.capturedLength = captured;
    cursor.originalLength = view.getUint32(at + 12, littleEndian);
    cursor.optionsAt = cursor.blockEnd;
    cursor.optionsEnd = cursor.blockEnd;
    inbox.start = cursor.blockEnd;
    return true;
  }

  override describeRest(): string {
    const { inbox, cursor } = this;
    if (this.header === undefined) return `the file ends after ${inbox.length} of the 24 bytes of a pcap header`;
    if (inbox.length < RECORD_LEN) return `the file ends after ${inbox.length} of the 16 bytes of a record header`;
    const length = RECORD_LEN + inbox.view.getUint32(inbox.start + 8, cursor.littleEndian);
    return `the file ends after ${inbox.length} of the ${length} bytes of a record`;
  }

  /** A fraction of a second or more, which broken writers make, is carried over. */
  private setTime(): void {
    const { cursor } = this;
    const nanos = cursor.ticksLow * this.nanosPerTick;
    const carry = Math.floor(nanos / 1e9);
    cursor.seconds = cursor.ticksHigh + carry;
    cursor.nanos = nanos - carry * 1e9;
  }

  private readHeader(): boolean {
    const { inbox, cursor } = this;
    const { view, start } = inbox;
    if (inbox.length < HEADER_LEN) return false;
    const magic = view.getUint32(start);
    if (!isPcapMagic(magic)) throw this.fail(`magic number 0x${magic.toString(16)}, expected that of pcap`);
    const littleEndian = magic !== PCAP_MICROSECOND && magic !== PCAP_NANOSECOND;
    const word = (at: number) => view.getUint32(start + at, littleEndian);
    const major = view.getUint16(start + 4, littleEndian);
    const minor = view.getUint16(start + 6, littleEndian);
    if (major !== 2 || minor !== 4) throw this.fail(`pcap version ${major}.${minor}, expected 2.4`, 4);
    this.header = {
      littleEndian,
      nanosecond: word(0) === PCAP_NANOSECOND,
      thiszone: word(8) | 0,
      sigfigs: word(12),
      snapLength: word(16),
      network: word(20),
    };
    this.device = [describe(this.header)];
    this.nanosPerTick = this.header.nanosecond ? 1 : 1000;
    cursor.littleEndian = littleEndian;
    cursor.type = BLOCK_PCAP_RECORD;
    cursor.isPacket = true;
    cursor.hasTime = true;
    inbox.start += HEADER_LEN;
    return true;
  }
}

function describe({ network, snapLength, nanosecond }: PcapHeader): CaptureInterface {
  return {
    linkType: network & 0xffff,
    snapLength,
    name: '',
    description: '',
    hardware: '',
    os: '',
    tsresol: nanosecond ? 9 : 6,
    tsoffset: 0,
    comments: [],
    others: [],
  };
}
