/**
 * net.netfilter.nf_conntrack_*: the settings of connection tracking with the kernel's defaults, as the data path reads them.
 * net/netfilter/nf_conntrack_standalone.c. @module
 */
import type { Sysctl } from '../net/sysctl.ts';
import * as sctp from './sctp-state.ts';
import * as tcp from './tcp-state.ts';

const PREFIX = 'net.netfilter.nf_conntrack_';

/** Places in {@link Settings.tcp} behind the states: enum tcp_conntrack goes on with them. */
export const TCP_RETRANS = 12;
export const TCP_UNACK = 13;

/** The settings of one namespace, kept up with its sysctls. */
export class Settings {
  /** Timeouts in seconds, TCP and SCTP by state: small integers, which are passed on without allocation. */
  readonly tcp: Int32Array = new Int32Array(14);
  readonly sctp: Int32Array = new Int32Array(sctp.MAX);
  udp = 0;
  udpStream = 0;
  icmp = 0;
  icmpv6 = 0;
  gre = 0;
  greStream = 0;
  generic = 0;
  acct = false;
  checksum = false;
  /** 0: say nothing; 255: say why any packet is INVALID; else of this protocol. */
  logInvalid = 0;
  /** Connections at most; 0 for no limit. */
  max = 0;
  /** Buckets of the kernel's hash table; it tells which connections are near another one. */
  buckets = 0;
  beLiberal = false;
  loose = false;
  maxRetrans = 0;
  ignoreInvalidRst = false;
  private readonly sysctl: Sysctl;

  constructor(sysctl: Sysctl) {
    this.sysctl = sysctl;
    this.watchTimeouts();
    this.watchFlags();
  }

  /** Distinct configured timeouts, seconds, ascending: what a remaining time can have been set to. */
  timeouts(): number[] {
    const values = this.sysctl
      .entries()
      .filter(([key]) => key.startsWith(PREFIX) && key.includes('timeout'))
      .map(([, value]) => value);
    return [...new Set(values)].sort((a, b) => a - b);
  }

  private watchTimeouts(): void {
    for (const [state, name, value] of TCP_TIMEOUTS) {
      this.sysctl.watch(`${PREFIX}tcp_timeout_${name}`, value, (seconds) => {
        this.tcp[state] = seconds;
      });
    }
    // The kernel has no setting for these two.
    this.tcp[tcp.SYN_SENT2] = 120;
    this.sctp[sctp.NONE] = 10;
    for (const [state, name, value] of SCTP_TIMEOUTS) {
      this.sysctl.watch(`${PREFIX}sctp_timeout_${name}`, value, (seconds) => {
        this.sctp[state] = seconds;
      });
    }
    this.watchSimpleTimeouts();
  }

  private watchSimpleTimeouts(): void {
    const { sysctl } = this;
    const set = (name: string, value: number, key: SimpleTimeout): void =>
      sysctl.watch(PREFIX + name, value, (seconds) => {
        this[key] = seconds;
      });
    set('udp_timeout', 30, 'udp');
    set('udp_timeout_stream', 120, 'udpStream');
    set('icmp_timeout', 30, 'icmp');
    set('icmpv6_timeout', 30, 'icmpv6');
    set('gre_timeout', 30, 'gre');
    set('gre_timeout_stream', 180, 'greStream');
    set('generic_timeout', 600, 'generic');
    sysctl.define(`${PREFIX}frag6_timeout`, 60);
  }

  private watchFlags(): void {
    const { sysctl } = this;
    const flag = (name: string, value: number, key: Flag): void =>
      sysctl.watch(PREFIX + name, value, (on) => {
        this[key] = on !== 0;
      });
    const number = (name: string, value: number, key: Count): void =>
      sysctl.watch(PREFIX + name, value, (n) => {
        this[key] = n;
      });
    flag('acct', 0, 'acct');
    flag('checksum', 1, 'checksum');
    flag('tcp_be_liberal', 0, 'beLiberal');
    flag('tcp_loose', 1, 'loose');
    flag('tcp_ignore_invalid_rst', 0, 'ignoreInvalidRst');
    number('log_invalid', 0, 'logInvalid');
    number('max', 262_144, 'max');
    number('buckets', 262_144, 'buckets');
    number('tcp_max_retrans', 3, 'maxRetrans');
    for (const [name, value] of UNUSED) sysctl.define(PREFIX + name, value);
  }
}

type SimpleTimeout = 'udp' | 'udpStream' | 'icmp' | 'icmpv6' | 'gre' | 'greStream' | 'generic';
type Flag = 'acct' | 'checksum' | 'beLiberal' | 'loose' | 'ignoreInvalidRst';
type Count = 'logInvalid' | 'max' | 'buckets' | 'maxRetrans';

const TCP_TIMEOUTS = [
  [tcp.SYN_SENT, 'syn_sent', 120],
  [tcp.SYN_RECV, 'syn_recv', 60],
  [tcp.ESTABLISHED, 'established', 432_000],
  [tcp.FIN_WAIT, 'fin_wait', 120],
  [tcp.CLOSE_WAIT, 'close_wait', 60],
  [tcp.LAST_ACK, 'last_ack', 30],
  [tcp.TIME_WAIT, 'time_wait', 120],
  [tcp.CLOSE, 'close', 10],
  [TCP_RETRANS, 'max_retrans', 300],
  [TCP_UNACK, 'unacknowledged', 300],
] as const;

const SCTP_TIMEOUTS = [
  [sctp.CLOSED, 'closed', 10],
  [sctp.COOKIE_WAIT, 'cookie_wait', 3],
  [sctp.COOKIE_ECHOED, 'cookie_echoed', 3],
  [sctp.ESTABLISHED, 'established', 210],
  [sctp.SHUTDOWN_SENT, 'shutdown_sent', 3],
  [sctp.SHUTDOWN_RECD, 'shutdown_recd', 3],
  [sctp.SHUTDOWN_ACK_SENT, 'shutdown_ack_sent', 3],
  [sctp.HEARTBEAT_SENT, 'heartbeat_sent', 30],
] as const;

/** Settings that a node may have in its list and that change nothing here. */
const UNUSED = [
  ['events', 2],
  ['expect_max', 4096],
  ['frag6_high_thresh', 4_194_304],
  ['frag6_low_thresh', 3_145_728],
  ['timestamp', 0],
] as const;
