/** Options of matches and targets as somebody may write them: what the differential test makes random rules of. */

export interface Vocabulary {
  /** Words after `-m NAME`, or after `-j NAME`. */
  readonly options: readonly string[];
  /** `-p` that it needs. */
  readonly protocols?: readonly string[];
  readonly tables?: readonly string[];
  readonly chains?: readonly string[];
}

export const MATCHES: Readonly<Record<string, Vocabulary>> = {
  comment: {
    options: ['--comment a', '--comment "a b"', '--comment "q\\"u\'o\\\\te"', '--comment ""', '--comment -t'],
  },
  tcp: {
    protocols: ['tcp'],
    options: [
      '',
      '--dport 80',
      '! --dport ssh',
      '--sport 0:1023',
      '! --sport :5 --dport 5:',
      '--syn',
      '! --syn --dport 1:65535',
      '--tcp-flags ALL NONE',
      '--tcp-flags SYN,RST SYN',
      '! --tcp-flags FIN,URG,PSH FIN,PSH',
      '--tcp-option 5',
      '! --tcp-option 8 --sport 1',
      '--source-port 7 --destination-port=9',
    ],
  },
  udp: {
    protocols: ['udp'],
    options: ['', '--dport domain', '! --sport 5:7', '--sport :65535 --dport 7', '! --dport 0:7'],
  },
  sctp: {
    protocols: ['sctp'],
    options: [
      '--dport 80',
      '! --sport 1:3',
      '--chunk-types any DATA,INIT',
      '! --chunk-types all ABORT:T,SHUTDOWN_COMPLETE',
      '--chunk-types only DATA:bE --dport 5',
    ],
  },
  dccp: {
    protocols: ['dccp'],
    options: ['--dport 5:6', '--dccp-types REQUEST,RESET', '! --dccp-types DATA ! --dccp-option 5'],
  },
  icmp: {
    protocols: ['icmp'],
    options: [
      '--icmp-type any',
      '--icmp-type ping',
      '! --icmp-type 3/4',
      '--icmp-type host-unreachable',
      '--icmp-type 40',
    ],
  },
  multiport: {
    protocols: ['tcp', 'udp', 'sctp'],
    options: ['--dports 80', '! --sports 1,2,5:7', '--ports 1:5,9', '--destination-ports 53,123'],
  },
  mark: { options: ['--mark 1', '! --mark 0x10/0xff', '--mark 010', '--mark 0/0x8000'] },
  statistic: {
    options: [
      '--mode random --probability 0.5',
      '--mode random ! --probability 0.33333333349',
      '--mode nth --every 5 --packet 2',
      '--mode nth ! --every 3 --packet 0',
      '--mode random --probability 1',
    ],
  },
  set: {
    options: [
      '--match-set s1 src',
      '! --match-set s1 dst,src',
      '--match-set s1 src,dst --return-nomatch ! --update-counters',
      '--match-set s1 src --packets-gt 5 ! --bytes-eq 7',
    ],
  },
  addrtype: {
    options: ['--src-type LOCAL', '! --dst-type local,broadcast', '--dst-type UNICAST ! --src-type MULTICAST'],
  },
  iprange: {
    options: [
      '--src-range 1.1.1.1-1.1.1.9',
      '! --dst-range 10.0.0.1',
      '--src-range 1.0.0.0-2.0.0.0 ! --dst-range 3.3.3.3-3.3.3.4',
    ],
  },
  mac: {
    chains: ['INPUT', 'FORWARD', 'PREROUTING'],
    options: ['--mac-source 02:AA:bb:00:00:01', '! --mac-source 0:1:2:3:4:5'],
  },
  pkttype: { options: ['--pkt-type unicast', '! --pkt-type multicast', '--pkt-type bcast'] },
  limit: {
    options: [
      '',
      '--limit 5/s',
      '--limit 10/minute --limit-burst 7',
      '--limit 3/hour',
      '--limit 100/sec --limit-burst 5',
      '--limit 7/day',
    ],
  },
  conntrack: {
    options: [
      '--ctstate NEW',
      '! --ctstate RELATED,ESTABLISHED',
      '--ctstate INVALID,NEW,RELATED,ESTABLISHED,UNTRACKED,SNAT,DNAT',
      '--ctstatus ASSURED,CONFIRMED',
      '! --ctproto tcp',
      '--ctorigsrc 10.0.0.0/8 ! --ctrepldst 1.2.3.4',
      '--ctorigsrcport 5 --ctorigdstport 6:7',
      '--ctexpire 5:10',
      '--ctdir ORIGINAL',
      '--ctstate NEW --ctdir REPLY ! --ctstatus NONE',
    ],
  },
  state: { options: ['--state NEW', '! --state RELATED,ESTABLISHED', '--state INVALID,UNTRACKED'] },
  connmark: { options: ['--mark 1', '! --mark 0x10/0xff'] },
  connbytes: {
    options: [
      '--connbytes 5 --connbytes-dir both --connbytes-mode packets',
      '! --connbytes 5:10 --connbytes-dir reply --connbytes-mode avgpkt',
    ],
  },
  connlimit: {
    options: ['--connlimit-above 5', '--connlimit-upto 3 --connlimit-mask 24', '--connlimit-above 2 --connlimit-daddr'],
  },
  connlabel: { options: [] },
  length: { options: ['--length 5', '! --length 5:10', '--length 100:', '--length :7'] },
  ttl: { options: ['--ttl-eq 5', '! --ttl-eq 64', '--ttl-lt 5', '--ttl-gt 5'] },
  tos: { options: ['--tos 0x10', '! --tos 0x8/0xff', '--tos Minimize-Cost', '--tos 0x20/0x3f'] },
  dscp: { options: ['--dscp 10', '! --dscp 0x2e', '--dscp-class EF', '! --dscp-class AF21'] },
  ecn: { options: ['--ecn-ip-ect 1', '! --ecn-ip-ect 3'] },
  recent: {
    options: [
      '--set',
      '--rcheck --seconds 10800 --reap --name K',
      '! --update --hitcount 3 --name L --rdest',
      '--remove --name M --mask 255.255.0.0',
      '--rcheck --rttl --rsource',
    ],
  },
  hashlimit: {
    options: [
      '--hashlimit-upto 5/sec --hashlimit-burst 9 --hashlimit-mode srcip,dstport --hashlimit-name h',
      '--hashlimit-above 10/min --hashlimit-name i',
      '--hashlimit-upto 1kb/s --hashlimit-name j --hashlimit-mode dstip',
      '--hashlimit-above 3/hour --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name k --hashlimit-htable-expire 5000 --hashlimit-htable-size 128',
    ],
  },
  time: {
    options: [
      '--timestart 01:00 --timestop 02:00',
      '! --weekdays Mon,Tue --kerneltz',
      '--datestart 2020-01-01T00:00:00 --datestop 2030-05-05',
      '--monthdays 1,15,31 --timestart 23:00 --timestop 03:00 --contiguous',
    ],
  },
  physdev: {
    chains: ['FORWARD'],
    options: ['--physdev-in eth0', '! --physdev-in eth+ --physdev-is-bridged', '--physdev-is-in'],
  },
  string: {
    options: [
      '--string abc --algo bm',
      '! --string "a b" --algo kmp --from 5 --to 90',
      '--hex-string "|00 ff|x" --algo bm --icase',
    ],
  },
  u32: { options: ['--u32 "6&0xFF=0x6"', '! --u32 "0>>22&0x3C@4=1:5,7&&8=0"'] },
  tcpmss: { protocols: ['tcp'], options: ['--mss 536', '! --mss 1:500'] },
  esp: { protocols: ['esp'], options: ['--espspi 5', '! --espspi 5:7'] },
  ah: { protocols: ['ah'], options: ['--ahspi 5', '! --ahspi 1:7'] },
  owner: { chains: ['OUTPUT', 'POSTROUTING'], options: ['--uid-owner 0', '! --gid-owner 1-5', '--socket-exists'] },
  policy: {
    chains: ['INPUT', 'FORWARD'],
    options: ['--dir in --pol none', '--dir in --pol ipsec --strict --reqid 5 --proto esp'],
  },
  realm: { chains: ['INPUT', 'FORWARD', 'OUTPUT'], options: ['--realm 5', '! --realm 0x1/0xf'] },
  helper: { options: ['--helper ftp', '! --helper "tftp-69"'] },
  quota: { options: ['--quota 500', '! --quota 7'] },
  cpu: { options: ['--cpu 0', '! --cpu 1'] },
  devgroup: { chains: ['FORWARD'], options: ['--src-group 5', '! --dst-group 0x1/0xff'] },
  rpfilter: {
    chains: ['PREROUTING'],
    tables: ['raw', 'mangle'],
    options: ['', '--loose --validmark', '--invert --accept-local'],
  },
  socket: {
    chains: ['PREROUTING', 'INPUT'],
    tables: ['mangle'],
    options: ['', '--transparent --nowildcard', '--restore-skmark'],
  },
};

export const TARGETS: Readonly<Record<string, Vocabulary>> = {
  ACCEPT: { options: [''] },
  DROP: { options: [''] },
  RETURN: { options: [''] },
  MARK: {
    options: [
      '--set-mark 1',
      '--set-xmark 0x1/0xff',
      '--and-mark 0xff',
      '--or-mark 2',
      '--xor-mark 3',
      '--set-mark 0x4000/0x4000',
    ],
  },
  CONNMARK: {
    options: [
      '--set-mark 7',
      '--save-mark',
      '--restore-mark --mask 0xff',
      '--restore-mark --nfmask 0xf --ctmask 0xf0',
      '--and-mark 3',
      '--or-mark 8',
      '--set-xmark 1/2',
    ],
  },
  REJECT: {
    tables: ['filter'],
    options: [
      '',
      '--reject-with icmp-host-prohibited',
      '--reject-with net-unreach',
      '--reject-with icmp-admin-prohibited',
    ],
  },
  LOG: {
    options: [
      '',
      '--log-prefix "a b: "',
      '--log-level 7 --log-uid',
      '--log-level info --log-tcp-options --log-ip-options',
      '--log-prefix x --log-tcp-sequence',
    ],
  },
  NFLOG: { options: ['', '--nflog-group 5 --nflog-prefix "x y"', '--nflog-threshold 3 --nflog-size 60'] },
  NFQUEUE: { options: ['', '--queue-num 5 --queue-bypass', '--queue-balance 1:4 --queue-cpu-fanout'] },
  SNAT: {
    tables: ['nat'],
    chains: ['POSTROUTING', 'INPUT'],
    options: [
      '--to-source 1.2.3.4',
      '--to-source 1.2.3.4-1.2.3.9 --persistent',
      '--to 1.2.3.4 --random-fully',
      '--to-source 1.2.3.4 --random',
    ],
  },
  DNAT: {
    tables: ['nat'],
    chains: ['PREROUTING', 'OUTPUT'],
    options: ['--to-destination 1.2.3.4', '--to 1.2.3.4-1.2.3.5 --persistent', '--to-destination 1.2.3.4 --random'],
  },
  MASQUERADE: { tables: ['nat'], chains: ['POSTROUTING'], options: ['', '--random', '--random-fully'] },
  REDIRECT: {
    tables: ['nat'],
    chains: ['PREROUTING', 'OUTPUT'],
    protocols: ['tcp', 'udp'],
    options: ['', '--to-ports 80', '--to-port 80-90 --random', '--to-ports http'],
  },
  NETMAP: { tables: ['nat'], chains: ['PREROUTING', 'POSTROUTING'], options: ['--to 10.7.7.0/24', '--to 1.2.3.4'] },
  TTL: { tables: ['mangle'], options: ['--ttl-set 5', '--ttl-dec 1', '--ttl-inc 2'] },
  TOS: {
    tables: ['mangle'],
    options: [
      '--set-tos 0x10',
      '--set-tos 0x8/0x3f',
      '--and-tos 0xf',
      '--or-tos 0x4',
      '--xor-tos 1',
      '--set-tos Maximize-Throughput',
    ],
  },
  DSCP: { tables: ['mangle'], options: ['--set-dscp 5', '--set-dscp-class CS3'] },
  ECN: { tables: ['mangle'], protocols: ['tcp'], options: ['--ecn-tcp-remove'] },
  TCPMSS: {
    tables: ['mangle', 'filter'],
    chains: ['FORWARD', 'OUTPUT'],
    protocols: ['tcp -m tcp --syn'],
    options: ['--set-mss 536', '--clamp-mss-to-pmtu'],
  },
  TCPOPTSTRIP: {
    tables: ['mangle'],
    protocols: ['tcp'],
    options: ['--strip-options 2,3', '--strip-options timestamp,sack'],
  },
  CLASSIFY: { tables: ['mangle'], chains: ['POSTROUTING'], options: ['--set-class 1:5', '--set-class ab:cd'] },
  CHECKSUM: { tables: ['mangle'], options: ['--checksum-fill'] },
  CT: { tables: ['raw'], options: ['--notrack', '--zone 5', '--ctevents new,destroy', '--zone-orig 3'] },
  NOTRACK: { tables: ['raw'], options: [''] },
  TRACE: { tables: ['raw'], options: [''] },
  AUDIT: { options: ['--type accept', '--type drop'] },
  TEE: { tables: ['mangle'], options: ['--gateway 1.2.3.4', '--gateway 1.2.3.4 --oif eth0'] },
  TPROXY: {
    tables: ['mangle'],
    chains: ['PREROUTING'],
    protocols: ['tcp', 'udp'],
    options: ['--on-port 80', '--on-port 80 --on-ip 1.2.3.4 --tproxy-mark 1/1'],
  },
  SET: {
    options: ['--add-set s1 src', '--del-set s1 dst,src', '--add-set s1 src --exist --timeout 5'],
  },
};

const pick = (from: Readonly<Record<string, Vocabulary>>, names: readonly string[]): Record<string, Vocabulary> =>
  Object.fromEntries(names.map((name) => [name, from[name]!]));

/** The same for ip6tables: what has no IPv4 in it, and what only IPv6 has. */
export const MATCHES6: Readonly<Record<string, Vocabulary>> = {
  ...pick(
    MATCHES,
    'comment tcp udp sctp dccp multiport mark statistic mac pkttype limit state connmark connbytes length tos dscp'.split(
      ' ',
    ),
  ),
  ...pick(MATCHES, 'time physdev string u32 tcpmss esp owner helper quota cpu devgroup hashlimit'.split(' ')),
  addrtype: { options: ['--src-type LOCAL', '! --dst-type MULTICAST', '--dst-type UNICAST,UNSPEC'] },
  icmp6: {
    protocols: ['icmpv6'],
    options: ['--icmpv6-type ping', '! --icmpv6-type 1/3', '--icmpv6-type neighbour-solicitation', '--icmpv6-type 200'],
  },
  hl: { options: ['--hl-eq 5', '! --hl-eq 64', '--hl-lt 5', '--hl-gt 5'] },
  iprange: { options: ['--src-range 2001:db8::1-2001:db8::9', '! --dst-range ::1'] },
  conntrack: {
    options: ['--ctstate NEW,RELATED', '--ctorigsrc 2001:db8::/32 ! --ctrepldst ::1', '! --ctproto ipv6-icmp'],
  },
  recent: { options: ['--set', '--rcheck --seconds 60 --name K', '--update --hitcount 2 --mask ffff:ffff:: --rdest'] },
  frag: { options: ['--fragid 5 --fragfirst', '! --fragid 1:7 --fraglast', '--fragmore --fragres'] },
  rt: { options: ['--rt-type 0 --rt-segsleft 1', '--rt-type 0 --rt-0-addrs ::1,2001:db8::1'] },
  dst: { options: ['--dst-len 8', '--dst-opts 5:2,7'] },
  hbh: { options: ['! --hbh-len 8', '--hbh-opts 1'] },
  ah: { protocols: ['ah'], options: ['--ahspi 5', '! --ahspi 1:7 --ahres', '--ahlen 24'] },
  ipv6header: { options: ['--header hop,route --soft', '! --header frag'] },
  eui64: { chains: ['INPUT', 'FORWARD', 'PREROUTING'], options: [''] },
};

export const TARGETS6: Readonly<Record<string, Vocabulary>> = {
  ...pick(
    TARGETS,
    'ACCEPT DROP RETURN MARK CONNMARK LOG NFLOG NFQUEUE MASQUERADE REDIRECT TOS DSCP TCPMSS TCPOPTSTRIP CT TRACE'.split(
      ' ',
    ),
  ),
  ...pick(TARGETS, 'CLASSIFY CHECKSUM NOTRACK AUDIT'.split(' ')),
  REJECT: {
    tables: ['filter'],
    options: ['', '--reject-with icmp6-adm-prohibited', '--reject-with no-route', '--reject-with policy-fail'],
  },
  SNAT: {
    tables: ['nat'],
    chains: ['POSTROUTING'],
    options: ['--to-source 2001:db8::1', '--to 2001:db8::1-2001:db8::5 --random'],
  },
  DNAT: { tables: ['nat'], chains: ['PREROUTING'], options: ['--to-destination 2001:db8::1', '--to ::1 --persistent'] },
  NETMAP: { tables: ['nat'], chains: ['PREROUTING'], options: ['--to 2001:db8::/32'] },
  HL: { tables: ['mangle'], options: ['--hl-set 5', '--hl-dec 1', '--hl-inc 2'] },
  DNPT: { tables: ['mangle'], chains: ['PREROUTING'], options: ['--src-pfx 2001:db8::/48 --dst-pfx fd00::/48'] },
  SNPT: { tables: ['mangle'], chains: ['POSTROUTING'], options: ['--src-pfx fd00::/48 --dst-pfx 2001:db8::/48'] },
};
