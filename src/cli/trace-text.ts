/** One input of a lab and what became of it, as a block of lines. @module */
import { describe } from '../packet/describe.ts';
import type { TraceEvent, TraceFields } from '../sim/trace.ts';
import type { Arrival, Happening } from './trace-report.ts';

const NANOS_PER_MS = 1e6;

/** `#3 a< 1.000 ms  10.0.1.2.4000 > ...`, then a line for each thing that happened. */
export function blockOf(arrival: Arrival | null, happenings: readonly Happening[]): string {
  const first = arrival === null ? 'later (a timer)' : header(arrival);
  const seen = new Seen();
  const lines = happenings.flatMap((happening) => describeHappening(happening, seen));
  return `${[first, ...lines].join('\n')}\n\n`;
}

const milliseconds = (time: number): string => `${(time / NANOS_PER_MS).toFixed(3)} ms`;

const header = ({ input, port, time, frame }: Arrival): string => `#${input} ${port}< ${milliseconds(time)}  ${frame}`;

function describeHappening(happening: Happening, seen: Seen): string[] {
  if (happening.kind === 'left') return [`   ${happening.port}> ${happening.frame}`];
  const { event } = happening;
  return [...seen.change(event), `   ${event.ns} ${event.kind.padEnd(KIND_WIDTH)} ${wordsOf(event)}`];
}

/** The longest kinds: conntrack, transmit. */
const KIND_WIDTH = 9;

/** An event in words. A rule has a form of its own: hook, table, chain, number and text; what is left over is its policy. */
function wordsOf({ kind, fields }: TraceEvent): string {
  if (kind !== 'rule') return words(fields);
  const { hook, table, chain, number, text, ...verdict } = fields;
  // A base chain is named after its hook.
  const where = chain === hook ? `${table} ${chain}` : `${table} ${chain} (${hook})`;
  return number === undefined
    ? `${where} ${Object.entries(verdict).flat().join(' ')}`
    : `${where} rule ${number}: ${text}`;
}

/** Values by name; a value that says by itself what it is goes without. */
const words = (fields: TraceFields): string =>
  Object.entries(fields)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => (PLAIN.has(name) ? String(value) : `${name}=${value}`))
    .join(' ');

const PLAIN: ReadonlySet<string> = new Set(['hook', 'reason', 'dev', 'state', 'direction', 'type', 'action']);

/** How each packet looked when it was last heard of, so that changes are told once. */
class Seen {
  private readonly looks = new Map<number, string>();

  change(event: TraceEvent): string[] {
    if (event.protocol === 0) return [];
    const look = lookOf(event);
    const before = this.looks.get(event.packet);
    this.looks.set(event.packet, look);
    return before === undefined || before === look ? [] : [`   ${event.ns} changed ${look}`];
  }
}

/** An event's bytes begin at the network header: describe wants a frame, so it gets a link header. */
function lookOf({ bytes, protocol }: TraceEvent): string {
  const frame = new Uint8Array(14 + bytes.length);
  frame[12] = protocol >> 8;
  frame[13] = protocol & 255;
  frame.set(bytes, 14);
  return describe(new DataView(frame.buffer), 0, frame.length);
}
