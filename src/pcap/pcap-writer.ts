/** Writes pcap: both byte orders, micro- and nanoseconds. draft-ietf-opsawg-pcap. @module */
import { LINKTYPE_ETHERNET } from './block.ts';
import { Output, type Sink } from './output.ts';
import { PCAP_MICROSECOND, PCAP_NANOSECOND, type PcapHeader } from './pcap-reader.ts';

const DEFAULTS: PcapHeader = {
  littleEndian: true,
  nanosecond: true,
  thiszone: 0,
  sigfigs: 0,
  snapLength: 262_144,
  network: LINKTYPE_ETHERNET,
};

/** Bytes go to the sink in chunks as they fill, the rest at `flush`. */
export class PcapWriter {
  readonly header: PcapHeader;
  private readonly output: Output;
  private readonly nanosPerTick: number;

  /** @param header what differs from: little endian, nanoseconds, Ethernet, 262,144 bytes a packet */
  constructor(sink: Sink, header: Partial<PcapHeader> = {}) {
    this.header = { ...DEFAULTS, ...header };
    this.output = new Output(sink);
    this.nanosPerTick = this.header.nanosecond ? 1 : 1000;
    this.writeHeader();
  }

  /**
   * Write a packet: source bytes [at, at + length), `originalLength` on the wire. Runs per packet: no allocation.
   * @throws {RangeError} when the time is before 1970 or after 2106
   */
  packet(
    seconds: number,
    nanos: number,
    source: Uint8Array,
    at: number,
    length: number,
    originalLength: number = length,
  ): void {
    if (seconds < 0 || seconds > 0xffffffff) throw new RangeError(`second ${seconds} fits no 32 bits`);
    this.record(seconds, Math.floor(nanos / this.nanosPerTick), source, at, length, originalLength);
  }

  /** Write a packet with the two words of its time stamp as they shall stand in the file. */
  record(
    high: number,
    low: number,
    source: Uint8Array,
    at: number,
    length: number,
    originalLength: number = length,
  ): void {
    const { output } = this;
    const { littleEndian } = this.header;
    const to = output.reserve(16 + length);
    const { view } = output;
    view.setUint32(to, high, littleEndian);
    view.setUint32(to + 4, low, littleEndian);
    view.setUint32(to + 8, length, littleEndian);
    view.setUint32(to + 12, originalLength, littleEndian);
    output.copy(source, at, length, to + 16);
  }

  /** Hand the rest to the sink. */
  flush(): void {
    this.output.flush();
  }

  private writeHeader(): void {
    const { output, header } = this;
    const { littleEndian } = header;
    const at = output.reserve(24);
    const { view } = output;
    view.setUint32(at, header.nanosecond ? PCAP_NANOSECOND : PCAP_MICROSECOND, littleEndian);
    view.setUint16(at + 4, 2, littleEndian);
    view.setUint16(at + 6, 4, littleEndian);
    view.setInt32(at + 8, header.thiszone, littleEndian);
    view.setUint32(at + 12, header.sigfigs, littleEndian);
    view.setUint32(at + 16, header.snapLength, littleEndian);
    view.setUint32(at + 20, header.network, littleEndian);
  }
}
