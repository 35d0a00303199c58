/** Reads a capture of either format: the first four bytes tell. @module */
import { BLOCK_SHB, type CaptureInterface } from './block.ts';
import { Cursor } from './cursor.ts';
import { Inbox } from './inbox.ts';
import { isPcapMagic, modifiedPcap, PcapReader } from './pcap-reader.ts';
import { PcapngReader } from './pcapng-reader.ts';
import { Reader, type ReaderOptions } from './reader.ts';

const GZIP = 0x1f8b;

/** The reader to use when a file may be pcap or pcapng. */
export class CaptureReader extends Reader {
  /** The one that does the work, once the format is known. */
  inner: PcapReader | PcapngReader | undefined;
  private readonly options: ReaderOptions;

  constructor(options: ReaderOptions = {}) {
    super(options, new Inbox(), new Cursor());
    this.options = options;
  }

  override get interfaces(): readonly CaptureInterface[] {
    return this.inner?.interfaces ?? [];
  }

  protected override advance(): boolean {
    this.inner ??= this.detect();
    return this.inner?.next() ?? false;
  }

  override describeRest(): string {
    if (this.inner !== undefined) return this.inner.describeRest();
    return `the file ends after ${this.inbox.length} bytes, expected a pcap or pcapng capture`;
  }

  private detect(): PcapReader | PcapngReader | undefined {
    const { inbox, options, cursor } = this;
    if (inbox.length < 4) return undefined;
    const magic = inbox.view.getUint32(inbox.start);
    if (magic === BLOCK_SHB) return new PcapngReader(options, inbox, cursor);
    if (isPcapMagic(magic)) return new PcapReader(options, inbox, cursor);
    throw this.fail(`${found(magic)}, expected a pcap or pcapng capture`);
  }
}

function found(magic: number): string {
  const modified = modifiedPcap(magic);
  if (modified !== undefined) return `${modified}, which is not supported`;
  if (magic >>> 16 === GZIP) return 'a gzip file, to be decompressed first';
  return `a file that begins with 0x${magic.toString(16).padStart(8, '0')}`;
}
