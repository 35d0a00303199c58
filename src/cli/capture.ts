/** Captures of the command line: frames in from a file of either format, frames out to a pcapng file. @module */
import type { Entry, Lab } from '../lab/lab.ts';
import type { Packet } from '../packet/packet.ts';
import { type CaptureInterface, LINKTYPE_ETHERNET } from '../pcap/block.ts';
import { CaptureReader } from '../pcap/capture-reader.ts';
import { CaptureError } from '../pcap/error.ts';
import { PcapngWriter } from '../pcap/pcapng-writer.ts';
import { InputError } from './failure.ts';
import { OutputFile, readChunks } from './files.ts';

/** The same on every interface: tcpdump stops where it changes. */
const SNAP_LENGTH = 262_144;
const NANOS = 1e9;

/** The moment at which the clock of a run began: the first packet's time stamp. */
export class Epoch {
  private seconds = 0;
  private nanos = 0;
  private known = false;

  /** Nanoseconds from the beginning of the run to a time stamp; the first one asked for is the beginning. */
  since(seconds: number, nanos: number): number {
    if (!this.known) {
      this.seconds = seconds;
      this.nanos = nanos;
      this.known = true;
    }
    return (seconds - this.seconds) * NANOS + nanos - this.nanos;
  }

  /** Whole seconds since 1970 at a moment of the run. */
  secondsAt(time: number): number {
    return this.seconds + Math.floor((this.nanos + time) / NANOS);
  }

  /** Nanoseconds after {@link secondsAt}. */
  nanosAt(time: number): number {
    return (this.nanos + time) % NANOS;
  }
}

/** Put the packets of a capture into a lab. */
export class CaptureInput {
  /** Packets that the capture holds only in part. */
  cut = 0;
  private readonly path: string;
  private readonly lab: Lab;
  private readonly epoch: Epoch;
  private readonly reader = new CaptureReader();
  private readonly entries = new Map<CaptureInterface, Entry>();

  constructor(path: string, lab: Lab, epoch: Epoch) {
    this.path = path;
    this.lab = lab;
    this.epoch = epoch;
  }

  /** Inject packet by packet; after each, the consumer has its turn. @throws {InputError} at damage */
  *packets(): Generator<void> {
    try {
      for (const chunk of readChunks(this.path)) {
        this.reader.push(chunk);
        yield* this.inject();
      }
      this.reader.finish();
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      throw new InputError(`${this.path}: ${error.message}`);
    }
  }

  private *inject(): Generator<void> {
    const { reader, lab } = this;
    const { cursor } = reader;
    while (reader.nextPacket()) {
      const entry = this.entryOf(reader.interfaces[cursor.interfaceId]!);
      const { dataAt, capturedLength } = cursor;
      if (capturedLength < cursor.originalLength) this.cut++;
      const at = cursor.hasTime ? this.epoch.since(cursor.seconds, cursor.nanos) : lab.clock.now;
      lab.epochSeconds = this.epoch.secondsAt(0);
      lab.inject(entry, cursor.bytes.subarray(dataAt, dataAt + capturedLength), at);
      yield;
    }
  }

  private entryOf(device: CaptureInterface): Entry {
    let entry = this.entries.get(device);
    if (entry === undefined) {
      entry = this.findEntry(device);
      this.entries.set(device, entry);
    }
    return entry;
  }

  private findEntry({ name, linkType }: CaptureInterface): Entry {
    if (linkType !== LINKTYPE_ETHERNET) {
      throw new InputError(
        `${this.path}: interface ${JSON.stringify(name)} has link type ${linkType}, expected Ethernet (1)`,
      );
    }
    const { ports } = this.lab;
    const entry = this.lab.find(name === '' && ports.length === 1 ? ports[0]! : name);
    if (entry !== undefined) return entry;
    const expected = this.lab.entries.join(', ');
    throw new InputError(`${this.path}: unknown interface name ${JSON.stringify(name)}, expected one of ${expected}`);
  }
}

/** Every frame that leaves a port, as a pcapng file with one interface per port. */
export class CaptureOutput {
  private readonly file: OutputFile;
  private readonly writer: PcapngWriter;
  private readonly ports: Map<string, number>;
  private readonly epoch: Epoch;

  /** @throws {InputError} when the file cannot be written */
  constructor(path: string, ports: readonly string[], epoch: Epoch) {
    this.epoch = epoch;
    this.file = new OutputFile(path);
    this.writer = new PcapngWriter((chunk) => this.file.write(chunk));
    this.writer.section({ application: 'podwire' });
    this.ports = new Map(ports.map((name) => [name, this.writer.interface({ name, snapLength: SNAP_LENGTH })]));
  }

  /** @param direction PACKET_INBOUND or PACKET_OUTBOUND, as the port's namespace sees it */
  frame(port: string, pkt: Packet, time: number, comment: string, direction: number): void {
    const { epoch } = this;
    const options = { comments: [comment], flags: direction, packetId: pkt.id };
    const { bytes, data, length } = pkt;
    this.writer.packet(
      this.ports.get(port)!,
      epoch.secondsAt(time),
      epoch.nanosAt(time),
      bytes,
      data,
      length,
      length,
      options,
    );
  }

  /** All frames are there: the file appears. */
  commit(): void {
    this.writer.flush();
    this.file.commit();
  }

  /** Leave nothing behind. After `commit` this does nothing. */
  abandon(): void {
    this.file.abandon();
  }
}
