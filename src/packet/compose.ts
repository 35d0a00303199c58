/**
 * A frame from plain objects: layers outside in, then the payload. Lengths, protocol numbers and checksums that are not
 * given are filled in; those that are given stay, however wrong.
 *
 * ```ts
 * const frame = compose(
 *   [
 *     { ethernet: { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' } },
 *     { ipv4: { src: '10.0.0.1', dst: '10.0.0.2' } },
 *     { tcp: { srcPort: 40000, dstPort: 80, flags: 'S', seq: 1, options: [{ kind: 'mss', mss: 1460 }] } },
 *   ],
 *   'data as ASCII, or bytes',
 * );
 * ```
 *
 * An ICMP error is followed by the layers of the packet that it quotes, VXLAN by the inner frame. @module
 */
import { type Codec, codecs, type Pseudo } from './codec.ts';
import { PacketError } from './error.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';
import { type Fields, type Layer, type LayerName, nameOf } from './layer.ts';

/** A layer with its place in the frame. */
interface Placed {
  readonly name: LayerName;
  readonly fields: Fields[LayerName];
  readonly codec: Codec<Fields[LayerName]>;
  readonly at: number;
}

/**
 * The bytes of a frame. `trailer` follows it outside of every length (Ethernet padding).
 * @throws {PacketError} if an address, options or a length cannot be written
 */
export function compose(
  layers: readonly Layer[],
  payload: Uint8Array | string = '',
  trailer: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const data = typeof payload === 'string' ? ascii(payload) : payload;
  const placed: Placed[] = [];
  let size = 0;
  for (const layer of layers) {
    const name = nameOf(layer);
    const fields = (layer as Record<string, unknown>)[name] as Fields[LayerName];
    const codec = codecs[name] as Codec<Fields[LayerName]> | undefined;
    if (codec === undefined) throw new PacketError('compose', `no layer ${name}`);
    placed.push({ name, fields, codec, at: size });
    size += codec.size(fields);
  }
  const frame = new Uint8Array(size + data.length + trailer.length);
  frame.set(data, size);
  frame.set(trailer, size + data.length);
  write(placed, new DataView(frame.buffer), size + data.length);
  return frame;
}

/** Headers forwards, then checksums backwards: an outer one covers the inner. */
function write(placed: readonly Placed[], v: DataView, end: number): void {
  placed.forEach(({ codec, fields, at }, i) => {
    codec.emit(fields, v, at, end, placed[i + 1]?.name);
  });
  for (let i = placed.length - 1; i >= 0; i--) {
    const { codec, fields, at } = placed[i]!;
    codec.fill?.(fields, v, at, end, pseudoOf(placed, i, v));
  }
}

/** The pseudo header of layer `i`: of the IP header next before it. */
function pseudoOf(placed: readonly Placed[], i: number, v: DataView): Pseudo {
  const network = placed.slice(0, i).findLast(({ name }) => name === 'ipv4' || name === 'ipv6');
  if (network === undefined) return () => 0;
  if (network.name === 'ipv6') return (protocol, length) => ipv6.pseudo(v, network.at, protocol, length);
  return (protocol, length) => ipv4.pseudo(v, network.at, length, protocol);
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => {
    const code = letter.charCodeAt(0);
    if (code > 255) throw new PacketError('payload', `not a byte: ${letter}`);
    return code;
  });
}
