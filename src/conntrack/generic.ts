/** Tracking of protocols that are known by their addresses only, and of GRE: nf_conntrack_proto_{generic,gre}.c. @module */
import type { Packet } from '../packet/packet.ts';
import type { Connections } from './connections.ts';
import { IPS_ASSURED, IPS_NAT_CLASH, IPS_SEEN_REPLY } from './status.ts';
import { TRACKED, type Tracker } from './tracker.ts';

/** Protocols without a tracker of their own. */
export class GenericTracker implements Tracker {
  private readonly connections: Connections;

  constructor(connections: Connections) {
    this.connections = connections;
  }

  packet(pkt: Packet, ct: number, ctInfo: number): number {
    this.connections.refresh(ct, ctInfo, pkt, this.connections.settings.generic);
    return TRACKED;
  }
}

/** GRE without PPTP: one timeout until it is answered, one after. */
export class GreTracker implements Tracker {
  private readonly connections: Connections;

  constructor(connections: Connections) {
    this.connections = connections;
  }

  packet(pkt: Packet, ct: number, ctInfo: number): number {
    const { connections } = this;
    const { table, settings } = connections;
    const status = table.status[ct]!;
    const replied = (status & IPS_SEEN_REPLY) !== 0;
    connections.refresh(ct, ctInfo, pkt, replied ? settings.greStream : settings.gre);
    if (replied && (status & (IPS_NAT_CLASH | IPS_ASSURED)) === 0) connections.assure(ct);
    return TRACKED;
  }
}
