/** What `parse` and `emit` of a protocol throw. The data path never does: it asks `check` and counts the reason. @module */
export class PacketError extends Error {
  override readonly name = 'PacketError';
  constructor(protocol: string, message: string) {
    super(`${protocol}: ${message}`);
  }
}
