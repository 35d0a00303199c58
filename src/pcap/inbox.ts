/**
 * The bytes that have come in and are not read yet: one buffer that grows to the largest block met and is otherwise
 * reused. @module
 */
export class Inbox {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  /** What is unread is [start, end). */
  start = 0;
  end = 0;
  /** Where `bytes[0]` stands in the file. */
  private base = 0;

  /** Where `start` stands in the file. */
  get offset(): number {
    return this.base + this.start;
  }

  /** Unread bytes. */
  get length(): number {
    return this.end - this.start;
  }

  /** Append a copy of `chunk`. */
  push(chunk: Uint8Array): void {
    if (this.end + chunk.length > this.bytes.length) this.makeRoom(chunk.length);
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  private makeRoom(more: number): void {
    const length = this.length;
    const old = this.bytes;
    // Moving is only worth it when it frees much: else a byte-wise feed would move the same block again and again.
    if (length + more > old.length || this.start < old.length / 2) {
      this.bytes = new Uint8Array(Math.max(4096, 2 * length, length + more));
      this.view = new DataView(this.bytes.buffer);
    }
    this.bytes.set(old.subarray(this.start, this.end));
    this.base += this.start;
    this.start = 0;
    this.end = length;
  }
}
