/** What reading a damaged or foreign capture throws. @module */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
  /** Byte of the file where the damaged block, record or field begins. */
  readonly offset: number;

  /** @param message what was found and what was expected; the byte is put in front. */
  constructor(message: string, offset: number) {
    super(`byte ${offset}: ${message}`);
    this.offset = offset;
  }
}
