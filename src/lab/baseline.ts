/**
 * Settings that every namespace of a lab starts with, on top of the kernel's defaults: a router without rate limits and
 * reverse-path filters, so that what a packet does depends on the packet. @module
 */
export const BASELINE: Readonly<Record<string, number>> = {
  'net.ipv4.ip_forward': 1,
  'net.ipv4.conf.all.rp_filter': 0,
  'net.ipv4.conf.default.rp_filter': 0,
  'net.ipv4.conf.all.send_redirects': 0,
  'net.ipv4.conf.default.send_redirects': 0,
  'net.ipv4.conf.all.accept_redirects': 0,
  'net.ipv4.conf.default.accept_redirects': 0,
  'net.ipv4.conf.all.log_martians': 0,
  'net.ipv4.conf.default.log_martians': 0,
  'net.ipv4.icmp_ratemask': 0,
  'net.ipv4.icmp_ratelimit': 0,
  'net.netfilter.nf_conntrack_acct': 1,
  'net.netfilter.nf_conntrack_checksum': 1,
  'net.netfilter.nf_conntrack_tcp_be_liberal': 0,
  'net.netfilter.nf_conntrack_tcp_loose': 1,
  'net.bridge.bridge-nf-call-iptables': 0,
  'net.bridge.bridge-nf-call-ip6tables': 0,
  'net.bridge.bridge-nf-call-arptables': 0,
};

/** Settings of the whole machine, while a lab runs. */
export const GLOBAL_BASELINE: Readonly<Record<string, number>> = {
  'net.ipv4.route.error_cost': 0,
  'net.netfilter.nf_log_all_netns': 1,
};

/** What `all` and `default` of net.ipv6.conf say in a namespace with IPv6: a router that does nothing by itself. */
export const BASELINE6: Readonly<Record<string, number>> = {
  disable_ipv6: 0,
  accept_dad: 0,
  dad_transmits: 0,
  accept_ra: 0,
  autoconf: 0,
  router_solicitations: 0,
  forwarding: 1,
  addr_gen_mode: 1,
};
