/** What an IP header hands to the printer of the protocol behind it. @module */

export interface Segment {
  readonly v: DataView;
  /** First byte, and one past the last that is there. */
  readonly at: number;
  readonly end: number;
  /** Bytes that the IP header promises; more than there are if it lies. */
  readonly length: number;
  readonly version: 4 | 6;
  readonly src: string;
  readonly dst: string;
  /** The IP header itself names this protocol, not an extension header. */
  readonly direct: boolean;
  readonly fragmented: boolean;
}

/** How a tunnel prints what it carries. */
export interface Inner {
  /** With link-layer headers. */
  readonly link: boolean;
  frame(v: DataView, at: number, end: number): string;
  /** What an ethertype stands for, or undefined if it is not known. */
  network(ethertype: number, v: DataView, at: number, end: number): string | undefined;
}

/** tcpdump's mark where a header is cut short. */
export const cut = (protocol: string): string => ` [|${protocol}]`;

/** `src.port > dst.port: `; behind an extension header the ports alone. */
export const endpoints = (s: Segment, from: number, to: number): string =>
  s.direct ? `${s.src}.${from} > ${s.dst}.${to}: ` : `${from} > ${to}: `;

/** Two digits a byte. */
export function hex(v: DataView, at: number, end: number): string {
  let text = '';
  for (let i = at; i < end; i++) text += v.getUint8(i).toString(16).padStart(2, '0');
  return text;
}

/** `0x` and at least `digits` digits. */
export const hexNumber = (n: number, digits = 1): string => `0x${n.toString(16).padStart(digits, '0')}`;
