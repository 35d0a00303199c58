/** The two frames of `podwire demo`: a pod opens a connection to a Service; the pod behind it answers. @module */
import { HEADER_LEN as ETH_HLEN, ETH_P_IP, emit as emitEthernet } from '../packet/ethernet.ts';
import * as ipv4 from '../packet/ipv4.ts';
import * as tcp from '../packet/tcp.ts';
import * as lab from './demo-lab.ts';

interface Segment {
  readonly dstMac: string;
  readonly srcMac: string;
  readonly src: string;
  readonly srcPort: number;
  readonly dst: string;
  readonly dstPort: number;
  readonly id: number;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
}

/** mss 1460 */
const OPTIONS = Uint8Array.of(2, 4, 0x05, 0xb4);

function frame(segment: Segment): Uint8Array {
  const [l3, l4] = [ETH_HLEN, ETH_HLEN + ipv4.HEADER_LEN];
  const bytes = new Uint8Array(l4 + tcp.HEADER_LEN + OPTIONS.length);
  const v = new DataView(bytes.buffer);
  const { dstMac, srcMac, src, dst, id } = segment;
  emitEthernet({ dst: dstMac, src: srcMac, type: ETH_P_IP }, v, 0);
  const totalLength = bytes.length - l3;
  const plain = { tos: 0, fragment: ipv4.DF, ttl: 64, checksum: 0, options: new Uint8Array(0) };
  ipv4.emit({ ...plain, totalLength, id, protocol: ipv4.TCP, src, dst }, v, l3);
  ipv4.fillChecksum(v, l3);
  tcp.emit({ ...segment, reserved: 0, window: 64_240, checksum: 0, urgent: 0, options: OPTIONS }, v, l4);
  tcp.fillChecksum(v, l4, bytes.length, ipv4.pseudo(v, l3, bytes.length - l4));
  return bytes;
}

const CLIENT_PORT = 40_000;
const CLIENT_SEQ = 1000;
const WEB_SEQ = 5000;

/** The client's SYN to the Service's address. */
export const request = (): Uint8Array =>
  frame({
    dstMac: lab.CLIENT_NODE_MAC,
    srcMac: lab.CLIENT_MAC,
    src: lab.CLIENT_ADDRESS,
    srcPort: CLIENT_PORT,
    dst: lab.SERVICE_ADDRESS,
    dstPort: lab.SERVICE_PORT,
    id: 1,
    seq: CLIENT_SEQ,
    ack: 0,
    flags: tcp.SYN,
  });

/** The web pod's SYN-ACK: it knows nothing of the Service, it answers the client. */
export const reply = (): Uint8Array =>
  frame({
    dstMac: lab.WEB_NODE_MAC,
    srcMac: lab.WEB_MAC,
    src: lab.WEB_ADDRESS,
    srcPort: lab.WEB_PORT,
    dst: lab.CLIENT_ADDRESS,
    dstPort: CLIENT_PORT,
    id: 0,
    seq: WEB_SEQ,
    ack: CLIENT_SEQ + 1,
    flags: tcp.SYN | tcp.ACK,
  });
