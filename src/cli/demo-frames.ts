/** The two frames of `podwire demo`: a pod opens a connection to a Service; the pod behind it answers. @module */
import { compose } from '../packet/compose.ts';
import * as lab from './demo-lab.ts';

const CLIENT_PORT = 40_000;
const CLIENT_SEQ = 1000;
const WEB_SEQ = 5000;
const OPTIONS = [{ kind: 'mss', mss: 1460 }] as const;

/** The client's SYN to the Service's address. */
export const request = (): Uint8Array =>
  compose([
    { ethernet: { src: lab.CLIENT_MAC, dst: lab.CLIENT_NODE_MAC } },
    { ipv4: { src: lab.CLIENT_ADDRESS, dst: lab.SERVICE_ADDRESS, id: 1 } },
    { tcp: { srcPort: CLIENT_PORT, dstPort: lab.SERVICE_PORT, flags: 'S', seq: CLIENT_SEQ, options: OPTIONS } },
  ]);

/** The web pod's SYN-ACK: it knows nothing of the Service, it answers the client. */
export const reply = (): Uint8Array =>
  compose([
    { ethernet: { src: lab.WEB_MAC, dst: lab.WEB_NODE_MAC } },
    { ipv4: { src: lab.WEB_ADDRESS, dst: lab.CLIENT_ADDRESS, id: 2 } },
    {
      tcp: {
        srcPort: lab.WEB_PORT,
        dstPort: CLIENT_PORT,
        flags: 'S.',
        seq: WEB_SEQ,
        ack: CLIENT_SEQ + 1,
        options: OPTIONS,
      },
    },
  ]);
