/** Where writers put bytes: chunks that go to a sink when they are full and are never touched again. @module */

/** Takes finished bytes of a file in order; they are its own to keep. */
export type Sink = (chunk: Uint8Array) => void;

const CHUNK_BYTES = 65_536;
/** Up to this length a loop beats the making of a view. */
const SHORT_COPY = 128;

export class Output {
  /** The chunk being filled; bytes that `reserve` gives are zero. */
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  private readonly sink: Sink;
  private sent = 0;
  private end = 0;

  constructor(sink: Sink) {
    this.sink = sink;
  }

  /** Room for `length` bytes that belong together; gives where they begin. `bytes` and `view` may be new ones. */
  reserve(length: number): number {
    if (this.end + length > this.bytes.length) this.renew(length);
    const at = this.end;
    this.end += length;
    return at;
  }

  /** Copy source bytes [from, from + length) to `at`. Runs per packet. */
  copy(source: Uint8Array, from: number, length: number, at: number): void {
    const { bytes } = this;
    if (length > SHORT_COPY) bytes.set(source.subarray(from, from + length), at);
    else for (let i = 0; i < length; i++) bytes[at + i] = source[from + i]!;
  }

  /** Hand over what has not been yet. */
  flush(): void {
    if (this.end === this.sent) return;
    const chunk = this.bytes.subarray(this.sent, this.end);
    this.sent = this.end;
    this.sink(chunk);
  }

  private renew(length: number): void {
    this.flush();
    this.bytes = new Uint8Array(Math.max(CHUNK_BYTES, length));
    this.view = new DataView(this.bytes.buffer);
    this.sent = 0;
    this.end = 0;
  }
}
