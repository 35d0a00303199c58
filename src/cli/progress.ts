/** How far a replay is: one line on stderr that is written over, only where somebody looks at it. @module */

const EVERY_MS = 200;

/** Says on stderr how far a run is. */
export class Progress {
  private readonly started = performance.now();
  private told = 0;
  private readonly watched: boolean = process.stderr.isTTY === true;

  /** Call it now and then with the packets done so far. */
  update(packets: number): void {
    const now = performance.now();
    if (!this.watched || now - this.told < EVERY_MS) return;
    this.told = now;
    const rate = Math.round((packets / Math.max(now - this.started, 1)) * 1000);
    process.stderr.write(`\r\x1b[K${packets.toLocaleString('en')} packets, ${rate.toLocaleString('en')}/s`);
  }

  /** Take the line away. */
  clear(): void {
    if (this.watched && this.told > 0) process.stderr.write('\r\x1b[K');
  }
}
