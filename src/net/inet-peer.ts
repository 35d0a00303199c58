/**
 * What a host remembers of other hosts to limit what it tells them: ICMP errors, route errors, redirects, and how many
 * fragments they sent. struct inet_peer, net/ipv4/inetpeer.c. Times in jiffies, one token for each. @module
 */
import { MILLISECOND } from '../sim/clock.ts';
import { JIFFY } from '../sim/timer-wheel.ts';
import type { Netns } from './netns.ts';

/** Burst of one kind of ICMP error, in multiples of icmp_ratelimit. */
const XRLIM_BURST_FACTOR = 6;
const HZ = 250;
const NEW_PEER_CREDIT = 60 * HZ;
/** Peers beyond this many make the oldest go (inet_peer_threshold is 65536 at most). */
const MAX_PEERS = 65_536;

/** fields: tokens, time of the last change, redirects sent, fragments seen. */
interface Peer {
  tokens: number;
  last: number;
  redirects: number;
  fragments: number;
}

/** The peers of one namespace. */
export class InetPeers {
  private readonly ns: Netns;
  /** By IPv4 address, int32, or by IPv6 address, text. */
  private readonly peers = new Map<number | string, Peer>();
  private cost = HZ;
  private burst = 5 * HZ;
  private redirectLoad = HZ / 50;
  private redirectNumber = 9;
  private redirectSilence = (HZ / 50) << 10;

  constructor(ns: Netns) {
    this.ns = ns;
    const { sysctl } = ns;
    sysctl.watch('net.ipv4.route.error_cost', this.cost, (value) => {
      this.cost = value;
    });
    sysctl.watch('net.ipv4.route.error_burst', this.burst, (value) => {
      this.burst = value;
    });
    sysctl.watch('net.ipv4.route.redirect_load', this.redirectLoad, (value) => {
      this.redirectLoad = value;
    });
    sysctl.watch('net.ipv4.route.redirect_number', this.redirectNumber, (value) => {
      this.redirectNumber = value;
    });
    sysctl.watch('net.ipv4.route.redirect_silence', this.redirectSilence, (value) => {
      this.redirectSilence = value;
    });
  }

  /** How many there are. */
  get size(): number {
    return this.peers.size;
  }

  private now(): number {
    return Math.floor(this.ns.clock.now / JIFFY);
  }

  private peer(address: number | string): Peer {
    const known = this.peers.get(address);
    if (known !== undefined) return known;
    if (this.peers.size >= MAX_PEERS) this.peers.delete(this.peers.keys().next().value!);
    const made: Peer = { tokens: 0, last: this.now() - NEW_PEER_CREDIT, redirects: 0, fragments: 0 };
    this.peers.set(address, made);
    return made;
  }

  /** May the sender be told that its packet has no route? The bucket of ip_error. */
  allowRouteError(address: number): boolean {
    const peer = this.peer(address);
    const now = this.now();
    peer.tokens = Math.min(peer.tokens + now - peer.last, this.burst);
    peer.last = now;
    if (peer.tokens < this.cost) return false;
    peer.tokens -= this.cost;
    return true;
  }

  /** inet_peer_xrlim_allow. @param interval milliseconds between two messages */
  allowIcmp(address: number | string, interval: number): boolean {
    const peer = this.peer(address);
    const now = this.now();
    const cost = Math.ceil((interval * MILLISECOND) / JIFFY);
    // Tokens that ip_error left count in full within one jiffy, and are cut to this bucket's size later.
    if (now !== peer.last) {
      peer.tokens = Math.min(peer.tokens + now - peer.last, XRLIM_BURST_FACTOR * cost);
      peer.last = now;
    }
    if (peer.tokens < cost) return false;
    peer.tokens -= cost;
    return true;
  }

  /** May the sender be redirected now? Ever less often while it does not listen: ip_rt_send_redirect. */
  allowRedirect(address: number): boolean {
    const peer = this.peer(address);
    const now = this.now();
    if (now > peer.last + this.redirectSilence) {
      peer.tokens = 0;
      peer.redirects = 0;
    }
    if (peer.redirects >= this.redirectNumber) {
      peer.last = now;
      return false;
    }
    return peer.redirects === 0 || now > peer.last + this.redirectLoad * 2 ** peer.redirects;
  }

  /** A redirect was sent. */
  redirected(address: number): void {
    const peer = this.peer(address);
    peer.last = this.now();
    peer.redirects++;
  }

  /** Count a fragment of a source (ip_frag_too_far). @returns how many it sent so far */
  countFragment(address: number): number {
    return ++this.peer(address).fragments;
  }
}
