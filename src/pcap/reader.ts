/** What the readers have in common: bytes are pushed in as they come, blocks are taken out one by one. @module */
import type { CaptureInterface } from './block.ts';
import type { Cursor } from './cursor.ts';
import { CaptureError } from './error.ts';
import type { Inbox } from './inbox.ts';

/** How much a reader puts up with. */
export interface ReaderOptions {
  /**
   * Longest block or record in bytes, default 16 MiB, and most bytes of interface descriptions in one section. A longer
   * one is an error: this, and the chunk pushed, bound the memory of a reader.
   */
  readonly maxBlockLength?: number;
}

/** The largest block that a reader takes unless told otherwise: 16 MiB. */
export const MAX_BLOCK_LENGTH: number = 16 * 2 ** 20;

/**
 * `push` a chunk, take blocks with `next` until it says false, push the next chunk, and at the end of the file `finish`.
 * What stood before the damage of a damaged file has been delivered when CaptureError is thrown.
 */
export abstract class Reader {
  /** Where the reader stands after `next` said true. One object, overwritten. */
  readonly cursor: Cursor;
  protected readonly inbox: Inbox;
  protected readonly maxBlockLength: number;
  private failure: CaptureError | null = null;
  private drained = true;

  protected constructor(options: ReaderOptions, inbox: Inbox, cursor: Cursor) {
    this.maxBlockLength = options.maxBlockLength ?? MAX_BLOCK_LENGTH;
    this.inbox = inbox;
    this.cursor = cursor;
  }

  /** Interfaces described so far in the current section; `cursor.interfaceId` is an index of it. */
  abstract get interfaces(): readonly CaptureInterface[];

  /** Step to the next block if all of it is here. @throws {CaptureError} */
  protected abstract advance(): boolean;

  /** What is wrong if the file ends with the bytes that are unread now. */
  abstract describeRest(): string;

  /** Append bytes of the file (copied). The cursor is invalid until the next `next`. */
  push(chunk: Uint8Array): void {
    this.inbox.push(chunk);
    this.drained = false;
  }

  /** Step to the next block or record; false when more bytes are needed. @throws {CaptureError} at damage, ever again */
  next(): boolean {
    if (this.failure !== null) throw this.failure;
    try {
      const found = this.advance();
      if (!found) this.drained = true;
      return found;
    } catch (error) {
      if (error instanceof CaptureError) this.failure = error;
      throw error;
    }
  }

  /** Step to the next packet, over all else. @throws {CaptureError} as {@link next} */
  nextPacket(): boolean {
    while (this.next()) if (this.cursor.isPacket) return true;
    return false;
  }

  /** The file has ended. @throws {CaptureError} when it ends within a block, or before there was one */
  finish(): void {
    if (this.failure !== null) throw this.failure;
    if (!this.drained) throw new Error('finish() before next() said false');
    const { inbox } = this;
    if (inbox.offset === 0 && inbox.length === 0) throw this.fail('an empty file, expected a pcap or pcapng capture');
    if (inbox.length > 0) throw this.fail(this.describeRest());
  }

  /** An error about the byte `at` of what is unread. */
  protected fail(message: string, at = 0): CaptureError {
    return new CaptureError(message, this.inbox.offset + at);
  }
}
