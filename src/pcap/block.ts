/** What blocks of pcapng say, as plain objects. draft-ietf-opsawg-pcapng, "Block Definitions". @module */
import type { Option } from './option.ts';
import type { Stamp } from './timestamp.ts';

/** Block types. A pcap record has type 0, which pcapng reserves. */
export const BLOCK_PCAP_RECORD = 0;
export const BLOCK_SHB = 0x0a0d0d0a;
export const BLOCK_IDB = 1;
/** The obsolete Packet Block. */
export const BLOCK_PB = 2;
export const BLOCK_SPB = 3;
export const BLOCK_NRB = 4;
export const BLOCK_ISB = 5;
export const BLOCK_EPB = 6;
export const BLOCK_DSB = 10;
/** Custom Block that a tool may copy into another file; the other kind must not be copied. */
export const BLOCK_CB = 0x0bad;
export const BLOCK_CB_NO_COPY = 0x40000bad;

/** What the byte-order magic of a section reads as in the right order. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Ethernet in the list of link types. */
export const LINKTYPE_ETHERNET = 1;

/** epb_flags, direction bits: received or sent by the interface. */
export const PACKET_INBOUND = 1;
export const PACKET_OUTBOUND = 2;

/** A section of a file and who wrote it; texts that are absent are ''. */
export interface SectionHeader {
  readonly littleEndian: boolean;
  /** Bytes of the section after its header, or -1 when unsaid. Not relied upon when reading, as in libpcap. */
  readonly sectionLength: number;
  readonly hardware: string;
  readonly os: string;
  readonly application: string;
  readonly comments: readonly string[];
  /** Every option without a field of its own here. */
  readonly others: readonly Option[];
}

/** An interface of a capture; texts that are absent are ''. */
export interface CaptureInterface {
  /** LINKTYPE_ value. */
  readonly linkType: number;
  /** Bytes kept of each packet; 0 when unlimited. */
  readonly snapLength: number;
  readonly name: string;
  readonly description: string;
  readonly hardware: string;
  readonly os: string;
  /** if_tsresol as a byte: see Resolution. */
  readonly tsresol: number;
  /** Seconds to add to every time stamp. */
  readonly tsoffset: number;
  readonly comments: readonly string[];
  /** Every option without a field of its own here. */
  readonly others: readonly Option[];
}

/** Options of an Enhanced Packet Block; an absent field writes none. */
export interface PacketOptions {
  readonly comments?: readonly string[];
  /** uint32; bits 0-1 are {@link PACKET_INBOUND} or {@link PACKET_OUTBOUND}. */
  readonly flags?: number;
  /** Packets lost between this packet and the one before. */
  readonly dropCount?: number;
  /** One id for a packet at every interface that it passes; 64 bits. */
  readonly packetId?: number | bigint;
  /** Queue of the interface, uint32. */
  readonly queue?: number;
  readonly others?: readonly Option[];
}

/** An address (4 bytes IPv4, 16 IPv6, 6 EUI-48, 8 EUI-64) and what it is called. */
export interface NameRecord {
  readonly address: Uint8Array;
  readonly names: readonly string[];
}

/** A Name Resolution Block. */
export interface NameResolution {
  readonly records: readonly NameRecord[];
  readonly options: readonly Option[];
}

/** An Interface Statistics Block. Counters are exact up to 2^53. */
export interface InterfaceStatistics extends Readonly<Stamp> {
  readonly interfaceId: number;
  readonly startTime?: Readonly<Stamp>;
  readonly endTime?: Readonly<Stamp>;
  readonly received?: number;
  readonly dropped?: number;
  readonly filterAccepted?: number;
  readonly osDropped?: number;
  readonly delivered?: number;
  readonly comments: readonly string[];
  readonly others: readonly Option[];
}

/** A Decryption Secrets Block. */
export interface DecryptionSecrets {
  /** Four letters as a number: 0x544c534b is a TLS key log. */
  readonly type: number;
  readonly data: Uint8Array;
  readonly options: readonly Option[];
}

/** A Custom Block. `body` is data and options: only the owner of the enterprise number can tell them apart. */
export interface CustomBlock {
  /** Private Enterprise Number of IANA. */
  readonly enterprise: number;
  readonly copy: boolean;
  readonly body: Uint8Array;
}
