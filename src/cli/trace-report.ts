/** `--trace`: what happened to each packet, as readable blocks or as JSON lines on stdout. @module */
import type { Lab } from '../lab/lab.ts';
import { describe } from '../packet/describe.ts';
import type { Packet } from '../packet/packet.ts';
import type { TraceEvent, TraceFields } from '../sim/trace.ts';
import { hasReader } from './failure.ts';
import type { TraceFormat } from './replay-options.ts';
import { blockOf } from './trace-text.ts';

/** One thing to tell of an input, in the order in which it happened. */
export type Happening =
  | { readonly kind: 'event'; readonly event: TraceEvent }
  | { readonly kind: 'left'; readonly port: string; readonly packet: number; readonly frame: string };

/** What came in. */
export interface Arrival {
  readonly input: number;
  readonly port: string;
  /** Nanoseconds since the run began. */
  readonly time: number;
  readonly packet: number;
  readonly frame: string;
}

/** A rule in the words of a capture's comment: `nat CHAIN 2 -j DNAT ...`. */
const ruleWords = ({ table, chain, number, text, policy }: TraceFields): string =>
  [table, chain, number ?? 'policy', text ?? policy].filter((word) => word !== undefined).join(' ');

const DECISIONS = /-j (DNAT|SNAT|MASQUERADE|REDIRECT|NETMAP|REJECT|DROP)\b/;
const decides = ({ fields }: TraceEvent): boolean => DECISIONS.test(String(fields['text'] ?? ''));

const describePacket = (pkt: Packet): string => describe(pkt.view, pkt.data, pkt.end);

/** Listens to a lab and prints input by input. */
export class TraceReport {
  private readonly lab: Lab;
  private readonly format: TraceFormat;
  private arrival: Arrival | null = null;
  private happenings: Happening[] = [];

  constructor(lab: Lab, format: TraceFormat) {
    this.lab = lab;
    this.format = format;
    const before = lab.onInput;
    lab.onInput = (port, pkt, input) => {
      before?.(port, pkt, input);
      this.flush();
      this.arrival = { input, port, time: lab.clock.now, packet: pkt.id, frame: describePacket(pkt) };
    };
  }

  /** A frame left a port. */
  left(port: string, pkt: Packet): void {
    this.collect();
    this.happenings.push({ kind: 'left', port, packet: pkt.id, frame: describePacket(pkt) });
  }

  /**
   * The rule that decided what a packet became: the last one that translated or refused it (or, for a packet made here, the
   * one that it answers to), else the last one it matched, else a policy.
   */
  decidingRule(packet: number): string | undefined {
    this.collect();
    const rules = this.happenings.flatMap((happening) =>
      happening.kind === 'event' && happening.event.kind === 'rule' ? [happening.event] : [],
    );
    const own = rules.filter((event) => event.packet === packet);
    const rule =
      own.findLast(decides) ??
      rules.findLast(decides) ??
      own.findLast(({ fields }) => fields['text'] !== undefined) ??
      own.at(-1);
    return rule === undefined ? undefined : ruleWords(rule.fields);
  }

  /** Everything the input caused has happened (timers aside): print it. */
  flush(): void {
    this.collect();
    if (this.arrival === null && this.happenings.length === 0) return;
    if (hasReader())
      process.stdout.write(this.format === 'text' ? blockOf(this.arrival, this.happenings) : this.jsonLines());
    this.arrival = null;
    this.happenings = [];
  }

  private collect(): void {
    for (const event of this.lab.trace?.drain() ?? []) this.happenings.push({ kind: 'event', event });
  }

  private jsonLines(): string {
    const input = this.lab.input;
    const { arrival } = this;
    const objects: object[] = arrival === null ? [] : [{ in: input, kind: 'arrived', ...arrival, input: undefined }];
    for (const happening of this.happenings) {
      if (happening.kind === 'left') {
        objects.push({
          in: input,
          kind: 'left',
          port: happening.port,
          packet: happening.packet,
          frame: happening.frame,
        });
      } else {
        const { time, packet, ns, kind, fields } = happening.event;
        objects.push({ in: input, kind, time, packet, ns, ...fields });
      }
    }
    return objects.map((object) => `${JSON.stringify(object)}\n`).join('');
  }
}
