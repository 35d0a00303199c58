/**
 * VLAN filtering of a bridge: which VLANs a port, and the bridge itself, belong to, and what that makes of frames.
 * net/bridge/br_vlan.c. A frame keeps the tag that it came with until it leaves; its VLAN is a number beside it, 0 where nothing is
 * filtered. @module
 */
import * as ethernet from '../packet/ethernet.ts';
import type { Packet } from '../packet/packet.ts';
import * as tag from '../packet/vlan.ts';

/** 0 and 4095 are no VLANs. */
const VLAN_N_VID = 4096;
const MEMBER = 1;
const UNTAGGED = 2;

/** What `bridge vlan add` says of a VLAN. */
export interface VlanOptions {
  /** Frames that come in without a tag belong to it. */
  readonly pvid?: boolean;
  /** Its frames leave without a tag. */
  readonly untagged?: boolean;
}

/** The VLANs of one port, or of the bridge as a port of the host: struct net_bridge_vlan_group. */
export class VlanGroup {
  /** 0: frames without a tag are refused. */
  pvid = 0;
  private readonly flags = new Uint8Array(VLAN_N_VID);

  /** `bridge vlan add`. @throws {RangeError} for what is no VLAN */
  add(vid: number, options: VlanOptions = {}): void {
    if (vid < 1 || vid >= VLAN_N_VID - 1) throw new RangeError(`VLAN ${vid}: expected 1 to ${VLAN_N_VID - 2}`);
    this.flags[vid] = options.untagged ? MEMBER | UNTAGGED : MEMBER;
    if (options.pvid) this.pvid = vid;
    else if (this.pvid === vid) this.pvid = 0;
  }

  /** `bridge vlan del`. @throws {RangeError} when it is no member */
  remove(vid: number): void {
    if (!this.has(vid)) throw new RangeError(`VLAN ${vid}: not a member`);
    this.flags[vid] = 0;
    if (this.pvid === vid) this.pvid = 0;
  }

  has(vid: number): boolean {
    return this.flags[vid] !== 0;
  }

  /** All of them, ascending. */
  list(): number[] {
    return Array.from(this.flags.keys()).filter((vid) => this.has(vid));
  }

  /** The VLAN as `bridge vlan show` prints it. */
  describe(vid: number): string {
    const untagged = (this.flags[vid]! & UNTAGGED) !== 0;
    return `${vid}${this.pvid === vid ? ' PVID' : ''}${untagged ? ' Egress Untagged' : ''}`;
  }

  /**
   * The VLAN that a frame at `pkt.data` comes in by, -1 when it may not: br_allowed_ingress. A tag of another kind than
   * `protocol` is part of the payload. Runs per packet.
   */
  ingress(pkt: Packet, protocol: number): number {
    const vid = tagOf(pkt, protocol) || this.pvid;
    return vid !== 0 && this.has(vid) ? vid : -1;
  }

  /** Give a frame of a VLAN the tag that it leaves with, or none: br_handle_vlan. @returns false without room. Runs per packet. */
  egress(pkt: Packet, vid: number, protocol: number): boolean {
    const tagged = ethernet.type(pkt.view, pkt.data) === protocol;
    if ((this.flags[vid]! & UNTAGGED) !== 0) {
      if (tagged) tag.untag(pkt);
    } else if (tagged) tag.setId(pkt.view, pkt.data + ethernet.HEADER_LEN, vid);
    else if (!tag.insert(pkt, protocol, vid)) return false;
    pkt.l3 = pkt.data + ethernet.HEADER_LEN;
    return true;
  }
}

/** The id in a frame's tag; 0 without one. */
function tagOf({ view, data, end }: Packet, protocol: number): number {
  const at = data + ethernet.HEADER_LEN;
  return ethernet.type(view, data) === protocol && end - at >= tag.HEADER_LEN ? tag.id(view, at) : 0;
}
