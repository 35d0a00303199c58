/**
 * Podwire: the path that a packet takes through Linux, in user space. A lab is made from a plain description and the texts of
 * the kernel's own tools; frames go in, the frames that Linux would send come out. The folders below are there as subpaths
 * (`podwire/packet`, `podwire/pcap`, ...). @module
 */
export { IpsetError } from './ipset/error.ts';
export * from './lab/index.ts';
export { ParseError } from './netfilter/parse-error.ts';
export { formatSave, parseSave } from './netfilter/save.ts';
export { describe } from './packet/describe.ts';
export { CaptureReader } from './pcap/capture-reader.ts';
export { PcapngWriter } from './pcap/pcapng-writer.ts';
