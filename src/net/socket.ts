/** Sockets as far as the stack asks for them: is somebody there? include/net/inet_hashtables.h, net/ipv4/udp.c. @module */
import type { Packet } from '../packet/packet.ts';

/** Somebody bound to a port. */
export interface Listener {
  readonly protocol: number;
  readonly port: number;
  /** int32; 0 for any. */
  readonly address: number;
  /** Takes the packet (`pkt.l4` at the transport header): a tunnel. null: it is swallowed. */
  readonly deliver: ((pkt: Packet) => void) | null;
}

const key = (protocol: number, port: number): number => (protocol << 16) | port;

/** Who listens in one namespace. */
export class Sockets {
  private readonly listeners = new Map<number, Listener[]>();

  /** Bind: packets to the port are no longer answered by an error. @param address int32, 0 for any */
  listen(protocol: number, port: number, address = 0, deliver: ((pkt: Packet) => void) | null = null): Listener {
    const listener: Listener = { protocol, port, address, deliver };
    const list = this.listeners.get(key(protocol, port)) ?? [];
    list.push(listener);
    this.listeners.set(key(protocol, port), list);
    return listener;
  }

  close(listener: Listener): void {
    const at = key(listener.protocol, listener.port);
    const rest = (this.listeners.get(at) ?? []).filter((other) => other !== listener);
    if (rest.length === 0) this.listeners.delete(at);
    else this.listeners.set(at, rest);
  }

  /** Who a packet is for: bound to the address, else to any. Runs per packet: no allocation. */
  find(protocol: number, port: number, address: number): Listener | null {
    const list = this.listeners.get(key(protocol, port));
    if (list === undefined) return null;
    let any: Listener | null = null;
    for (let i = 0; i < list.length; i++) {
      const listener = list[i]!;
      if (listener.address === address) return listener;
      if (listener.address === 0) any = listener;
    }
    return any;
  }

  /** Is somebody there (udp4_lib_lookup)? `exact` leaves out who is bound to any address. */
  isBound(protocol: number, port: number, address: number, exact = false): boolean {
    const listener = this.find(protocol, port, address);
    return listener !== null && (!exact || listener.address !== 0);
  }
}
