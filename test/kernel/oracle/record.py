#!/usr/bin/env python3
"""Asks the Linux kernel of this machine: jobs on stdin, answers on stdout, one JSON line each. Needs root.

A job:     {"topology": as in topology.json, "texts": {"r.rules": text, ...}, "frames": [{"port", "hex", "at": ns}], "backend"?}
An answer: {"out": [{"in", "port", "hex"}], "tables": {"r.counters": text, ...}, "connections": {"in", "after", "ns": {ns: lines}},
            "walk": [the same, input by input], "timeouts": {ns: [seconds]}, "logs": [{"in", "line"}], "errors": [{"in", "errno", "text"}]}
           or {"error": text}. `after` is the number of seconds since the first input.

Every job has namespaces of its own that nobody can name: they go when their descriptors are closed, whatever happens. The far
ends of all ports are in one more namespace, which has no address and answers nothing. The process stays on one CPU, whose
backlog is a queue: a sentinel that came back through a pair of devices there shows that all before it was done, and each hop
of a frame over a cable takes one sentinel more. So nothing is slept for but what a case wants to wait."""
import ctypes
import fcntl
import glob
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
SO_RCVBUFFORCE = 33
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 0x10, 0x40
SIOCGIFFLAGS, SIOCETHTOOL = 0x8913, 0x8946
IFF_RUNNING = 0x40
ETHTOOL_OFF = (0x17, 0x15, 0x19, 0x1f, 0x24, 0x2c, 0x26)  # checksums, scatter/gather, segmentation both ways, flags
ETH_HLEN = 14
SENTINEL = bytes.fromhex('02fe0000000202fe0000000188b5') + bytes(46)
MOST_FRAMES = 200000
# A frame's way is seldom longer: pod, node, node, pod.
HOPS = 5
HOOK_SYSCTL = re.compile(r'\.(conf|neigh)\.(?!all\b|default\b)')
QUIET = {'rp_filter': 0, 'send_redirects': 0, 'accept_redirects': 0, 'log_martians': 0}
BASELINE = {
    'net.ipv4.ip_forward': 1, 'net.ipv4.icmp_ratemask': 0, 'net.ipv4.icmp_ratelimit': 0,
    **{'net.ipv4.conf.%s.%s' % (which, key): value for key, value in QUIET.items() for which in ('all', 'default')},
    'net.netfilter.nf_conntrack_acct': 1, 'net.netfilter.nf_conntrack_checksum': 1,
    'net.netfilter.nf_conntrack_tcp_be_liberal': 0, 'net.netfilter.nf_conntrack_tcp_loose': 1,
    'net.bridge.bridge-nf-call-iptables': 0, 'net.bridge.bridge-nf-call-ip6tables': 0,
    'net.bridge.bridge-nf-call-arptables': 0,
}
# A router that says nothing by itself; group reports leave at once and are over.
ROUTER6 = {'disable_ipv6': 0, 'accept_dad': 0, 'dad_transmits': 0, 'accept_ra': 0, 'autoconf': 0, 'router_solicitations': 0,
           'forwarding': 1, 'addr_gen_mode': 1, 'mldv1_unsolicited_report_interval': 1,
           'mldv2_unsolicited_report_interval': 1}
# Not per namespace: errors about routes have a budget; log lines of namespaces are not shown.
MACHINE = {'net.ipv4.route.error_cost': 0, 'net.netfilter.nf_log_all_netns': 1}
HOME = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
libc = ctypes.CDLL('libc.so.6', use_errno=True)


def enter(fd):
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'setns')


def run(args, text=None):
    done = subprocess.run(args, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError('%s: %s' % (' '.join(args), (done.stderr + done.stdout).strip()))
    return done.stdout


def sysctl_file(key):
    return '/proc/sys/' + (key if '/' in key else key.replace('.', '/'))


def read_sysctl(key):
    with open(sysctl_file(key)) as file:
        return file.read().strip()


def write_sysctl(key, value):
    with open(sysctl_file(key), 'w') as file:
        file.write(str(value))


class Namespace:
    """A network namespace without a name; `with` makes it this process's."""

    def __init__(self):
        if libc.unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), 'unshare')
        self.fd = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
        enter(HOME)

    @property
    def path(self):
        return '/proc/%d/fd/%d' % (os.getpid(), self.fd)

    def __enter__(self):
        enter(self.fd)
        return self

    def __exit__(self, *_):
        enter(HOME)

    def run(self, args, text=None):
        with self:
            return run(args, text)

    def batch(self, lines, tool='ip', *options):
        if lines:
            self.run([tool, *options, '-batch', '-'], '\n'.join(lines) + '\n')

    def socket(self, *args):
        with self:
            return socket.socket(*args)


def words(config, keys):
    return ''.join(' %s %s' % (key, config[key]) for key in keys if key in config)


def link_line(link, job, ns):
    """The words of `ip link add`, or None for what is there already."""
    kind, mac = link['type'], words({'address': link['mac']}, ['address']) if 'mac' in link else ''
    head = 'link add %s%s type ' % (link['name'], mac)
    if kind == 'port':
        return head + 'veth peer name x-%s address 02:ee:00:00:00:%02x mtu 65535 netns %s' % (
            link['port'], list(job.ports).index(link['port']) + 1, job.far.path)
    if kind == 'veth':
        other, device = link['peer']
        if (ns, link['name']) in job.cabled:
            return None
        job.cabled.add((other, device))
        peer = next(l for l in job.config[other]['links'] if l['name'] == device)
        return head + 'veth peer name %s%s netns %s' % (
            device, ' address ' + peer['mac'] if 'mac' in peer else '', job.spaces[other].path)
    if kind in ('bridge', 'dummy'):  # a bridge without ports is as good as a dummy
        return head + 'bridge forward_delay 0 stp_state 0 mcast_snooping %d ageing_time %d' % (
            link.get('mcast_snooping', 0), link.get('ageing_s', 300) * 100)
    if kind == 'vxlan':
        return head + 'vxlan' + vxlan_words(link)
    return None if kind == 'lo' else head + kind


def vxlan_words(link):
    text = ' external' if link.get('external') else ' id %d' % link['vni']
    text += ' dstport %d' % link.get('dstport', 4789)
    text += words(link, ('local', 'remote', 'group', 'dev', 'ttl', 'tos', 'df', 'ageing'))
    if 'srcport' in link:
        text += ' srcport %d %d' % tuple(link['srcport'])
    for key in ('learning', 'proxy', 'rsc', 'l2miss', 'l3miss', 'udpcsum'):
        if key in link:
            text += ' ' + ('' if link[key] else 'no') + key
    return text + (' gbp' if link.get('gbp') else '')


def up_lines(links):
    lines = ['link set lo up']
    for link in links:
        name = link['name']
        if 'mtu' in link:
            lines.append('link set %s mtu %d' % (name, link['mtu']))
        if link.get('promisc'):
            lines.append('link set %s promisc on' % name)
        if link.get('up', True):
            lines.append('link set %s up' % name)
        for address in link.get('addrs', []):
            extra = ' nodad' if ':' in address else '' if address.endswith('/32') else ' brd +'
            lines.append('addr add %s dev %s%s' % (address, name, extra))
    return lines


def on_off(value):
    return ('off', 'on')[value] if isinstance(value, bool) else str(value)


def port_lines(links):
    lines = ['link set %s master %s' % (link['name'], link['master']) for link in links if 'master' in link]
    for link in links:
        for key, value in link.get('brport', {}).items():
            lines.append('link set %s type bridge_slave %s %s' % (link['name'], key, on_off(value)))
    return lines


def table_lines(config):
    lines = []
    for entry in config.get('neigh', []):
        if entry.get('proxy'):
            lines.append('neigh add proxy %(ip)s dev %(dev)s' % entry)
        else:
            lines.append('neigh replace %s lladdr %s dev %s nud %s' % (
                entry['ip'], entry['mac'], entry['dev'], entry.get('state', 'permanent')))
    for route in config.get('routes', []):
        kind = route.get('type', 'unicast')
        line = 'route add %s%s' % ('' if kind == 'unicast' else kind + ' ', route['dst'])
        line += words(route, ('via', 'dev', 'table', 'metric', 'src', 'mtu', 'scope', 'tos', 'proto'))
        for hop in route.get('nexthops', []):
            line += ' nexthop via %s dev %s weight %d' % (hop['via'], hop['dev'], hop.get('weight', 1))
        lines.append(line + (' onlink' if route.get('onlink') else ''))
    return lines


def rule_lines(config, six):
    lines = []
    for rule in config.get('rules', []):
        if six != (':' in rule.get('from', '') + rule.get('to', '')):
            continue
        keys = ('pref', 'from', 'to', 'fwmark', 'iif', 'oif', 'tos', 'ipproto', 'dport', 'table')
        lines.append('rule add' + words(rule, keys) + (' ' + rule['type'] if 'type' in rule else ''))
    return lines


def fdb_lines(config):
    lines = []
    for entry in config.get('fdb', []):
        usual = 'append' if entry['mac'] == '00:00:00:00:00:00' else 'replace'
        lines.append('fdb %s %s dev %s%s %s' % (
            entry.get('op', usual), entry['mac'], entry['dev'], words(entry, ('dst', 'vni', 'port', 'vlan', 'via')),
            ' '.join(entry.get('flags', ['self', 'permanent']))))
    return lines


def offloads_off(probe, device):
    """Checksums and segments as they are on a wire."""
    for command in ETHTOOL_OFF:
        value = ctypes.create_string_buffer(struct.pack('II', command, 0), 8)
        try:
            fcntl.ioctl(probe, SIOCETHTOOL, struct.pack('16sP8x', device.encode(), ctypes.addressof(value)))
        except OSError:
            pass


def is_running(probe, device):
    flags = fcntl.ioctl(probe, SIOCGIFFLAGS, struct.pack('16sH14x', device.encode(), 0))
    return struct.unpack_from('H', flags, 16)[0] & IFF_RUNNING != 0


def until(condition, what):
    end = time.monotonic() + 5
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(what)
        time.sleep(0.001)


def is_group_report(frame):
    """What an IPv6 host says by itself when a device comes up."""
    if frame[12:14] != b'\x86\xdd' or len(frame) < 63 or frame[22:24] not in (b'\xfe\x80', b'\0\0'):
        return False
    return frame[62] in (131, 132, 143) if frame[20] == 0 and frame[54] == 58 else frame[20] == 58 and frame[54] in (
        131, 132, 133, 143)


class Job:
    def __init__(self, job):
        self.topology, self.texts, self.frames = job['topology'], job['texts'], job['frames']
        self.backend = job.get('backend') or self.topology.get('backend', 'nft')
        self.config, self.ports = self.topology['namespaces'], self.topology['ports']
        self.cabled, self.keep, self.raw, self.tables = set(), [], {}, {}
        self.out, self.logs, self.errors, self.walk, self.cause = [], [], [], [], -1
        self.kmsg, self.spaces = None, {}

    def build(self):
        for key, value in {**MACHINE, **self.topology.get('global_sysctls', {})}.items():
            if read_sysctl(key) != str(value):
                write_sysctl(key, value)
        self.far = Namespace()
        self.spaces = {name: Namespace() for name in self.config}
        with self.far:
            for which in ('all', 'default'):
                write_sysctl('net.ipv6.conf.%s.disable_ipv6' % which, 1)
                write_sysctl('net.ipv4.conf.%s.arp_ignore' % which, 8)
        for name, config in self.config.items():
            with self.spaces[name]:
                self.set_sysctls(config)
        self.make_links()
        for name, config in self.config.items():
            with self.spaces[name]:
                for link in config['links']:
                    if link['type'] != 'lo':
                        write_sysctl('net.ipv4.neigh.%s.proxy_delay' % link['name'], 0)
                for key, value in config.get('sysctls', {}).items():
                    write_sysctl(key, value)
            self.spaces[name].batch(table_lines(config))
            self.spaces[name].batch(rule_lines(config, False))
            self.spaces[name].batch(rule_lines(config, True), 'ip', '-6')
            self.spaces[name].batch(fdb_lines(config), 'bridge')
        if any(config.get('ipv6') for config in self.config.values()):
            time.sleep(0.15)  # group reports leave
        for name in self.config:
            self.load(name)
        self.open_sockets()

    def set_sysctls(self, config):
        for key, value in BASELINE.items():
            write_sysctl(key, value)
        for which in ('all', 'default'):
            for key, value in (ROUTER6 if config.get('ipv6') else {'disable_ipv6': 1}).items():
                write_sysctl('net.ipv6.conf.%s.%s' % (which, key), value)
        for key, value in config.get('sysctls', {}).items():
            if not HOOK_SYSCTL.search(key):
                write_sysctl(key, value)

    def make_links(self):
        for name, config in self.config.items():
            lines = [link_line(link, self, name) for link in config['links']]
            self.spaces[name].batch([line for line in lines if line is not None])
        far = ['x-' + port for port in self.ports]
        self.far.batch(['link set lo up', 'link add kf0 type veth peer name kf1', 'link set kf0 up', 'link set kf1 up']
                       + ['link set %s arp off up' % device for device in far])
        for name, config in self.config.items():
            self.switch_off(self.spaces[name], [link['name'] for link in config['links']])
            self.spaces[name].batch(up_lines(config['links']))
        self.switch_off(self.far, far + ['kf0', 'kf1'])
        self.wait_running(self.far, far + ['kf1'] if all(
            l.get('up', True) for c in self.config.values() for l in c['links']) else ['kf1'])
        for name, config in self.config.items():
            up = [link for link in config['links'] if link.get('up', True)]
            self.wait_running(self.spaces[name], [link['name'] for link in up if link['type'] in ('port', 'veth')])
            self.spaces[name].batch(port_lines(config['links']))
            ports = {link['name'] for link in up if 'master' in link}
            self.wait_forwarding(self.spaces[name], ports)
            bridges = {link['master'] for link in up if 'master' in link and link['type'] in ('port', 'veth')}
            self.wait_running(self.spaces[name], [link['name'] for link in up if link['name'] in bridges])

    @staticmethod
    def switch_off(space, devices):
        with space.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            for device in devices:
                offloads_off(probe, device)

    @staticmethod
    def wait_running(space, devices):
        with space.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            until(lambda: all(is_running(probe, device) for device in devices), 'links stay down: %s' % devices)

    @staticmethod
    def wait_forwarding(space, ports):
        def forwarding():
            links = json.loads(space.run(['bridge', '-j', 'link']) or '[]')
            return ports <= {link['ifname'] for link in links if link.get('state') == 'forwarding'}
        if ports:
            until(forwarding, 'bridge ports do not forward: %s' % ports)

    def load(self, name):
        space, text = self.spaces[name], self.texts.get(name + '.ipset')
        if text is not None:
            space.run(['ipset', 'restore'], text)
        for kind in ('rules', 'rules6'):
            text = self.texts.get('%s.%s' % (name, kind))
            if text is not None:
                wait = ['-w', '30'] if self.backend == 'legacy' else []
                space.run([self.tool(kind) + '-restore'] + wait, text)

    def tool(self, kind):
        return ('ip6tables-' if kind == 'rules6' else 'iptables-') + self.backend

    def open_sockets(self):
        for name, config in self.config.items():
            for listener in config.get('listen', []):
                kind = socket.SOCK_DGRAM if listener['proto'] == 'udp' else socket.SOCK_STREAM
                bound = self.spaces[name].socket(socket.AF_INET, kind)
                bound.bind((listener.get('addr', '0.0.0.0'), listener['port']))
                if kind == socket.SOCK_STREAM:
                    bound.listen(16)
                self.keep.append(bound)
            with self.spaces[name]:
                self.tables[name] = open('/proc/thread-self/net/nf_conntrack')
        self.sender = self.far.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.receiver = self.far.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.receiver.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.receiver.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.receiver.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.receiver.setblocking(False)
        if self.topology.get('log'):
            self.kmsg = os.open('/dev/kmsg', os.O_RDONLY | os.O_NONBLOCK)
            os.lseek(self.kmsg, 0, os.SEEK_END)
        self.fence()
        self.out.clear()
        self.begun = time.monotonic()

    def receive(self):
        """Takes one frame off; true if it was the sentinel."""
        frame, control, _, address = self.receiver.recvmsg(70000, 64)
        if address[0] in ('kf0', 'kf1'):
            return frame[12:14] == SENTINEL[12:14]
        for level, kind, data in control:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, _, _, _, _, tci, tpid = struct.unpack_from('=IIIHHHH', data)
                if status & TP_STATUS_VLAN_VALID:  # a tag that the device took out of the frame
                    tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                    frame = frame[:12] + struct.pack('>HH', tpid, tci) + frame[12:]
        if address[0].startswith('x-') and not is_group_report(frame):
            if len(self.out) > MOST_FRAMES:
                raise RuntimeError('a storm of frames, the last %s: %s' % (address[0], frame.hex()))
            self.out.append({'in': self.cause, 'port': address[0][2:], 'hex': frame.hex()})
        return False

    def fence(self):
        for _ in range(HOPS):
            self.sender.sendto(SENTINEL, ('kf0', 0))
            back = False
            while not back:
                try:
                    back = self.receive()
                except BlockingIOError:
                    if not select.select([self.receiver], [], [], 5)[0]:
                        raise RuntimeError('the sentinel was lost')

    def send(self, port, frame):
        try:
            if port.startswith('local:'):
                self.send_local(port[len('local:'):], frame[ETH_HLEN:])
            else:
                self.sender.sendto(frame, ('x-' + port, 0))
        except OSError as error:
            self.errors.append({'in': self.cause, 'errno': error.errno, 'text': os.strerror(error.errno)})

    def send_local(self, name, packet):
        six = packet[:1] != b'' and packet[0] >> 4 == 6
        if (name, six) not in self.raw:
            family = socket.AF_INET6 if six else socket.AF_INET
            raw = self.raw[name, six] = self.spaces[name].socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
            if not six:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if six:
            self.raw[name, six].sendto(packet, (socket.inet_ntop(socket.AF_INET6, packet[24:40]), 0))
        else:
            self.raw[name, six].sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))

    def read_log(self):
        while self.kmsg is not None:
            try:
                record = os.read(self.kmsg, 8192).decode(errors='replace')
            except BlockingIOError:
                return
            except BrokenPipeError:  # older lines were overwritten
                continue
            line = record.split(';', 1)[1].split('\n')[0].rstrip()
            if line.startswith(('kn:', 'nf_ct_proto')):
                self.logs.append({'in': self.cause, 'line': line})

    def connections(self):
        tables = {}
        for name, file in self.tables.items():
            file.seek(0)
            tables[name] = file.read().splitlines()
        return {'in': self.cause, 'after': time.monotonic() - self.begun, 'ns': tables}

    def wait(self, until_time):
        while (left := until_time - time.monotonic()) > 0:
            if select.select([self.receiver], [], [], left)[0]:
                self.receive()
        self.read_log()

    def play(self):
        self.begun = time.monotonic()
        for index, frame in enumerate(self.frames):
            if self.topology.get('mode') == 'realtime':
                self.wait(self.begun + frame['at'] / 1e9)
            self.cause = index
            self.send(frame['port'], bytes.fromhex(frame['hex']))
            self.fence()
            self.read_log()
            if self.topology.get('trace_conntrack'):
                self.walk.append(self.connections())
        self.wait(time.monotonic() + self.topology.get('settle_ms', 0) / 1000)

    def collect(self):
        tables, connections, timeouts = {}, self.connections(), {}
        for name, config in self.config.items():
            space = self.spaces[name]
            for kind, suffix in (('rules', 'counters'), ('rules6', 'counters6')):
                if '%s.%s' % (name, kind) in self.texts:
                    tables['%s.%s' % (name, suffix)] = space.run([self.tool(kind) + '-save', '-c'])
            if name + '.ipset' in self.texts:
                tables[name + '.ipset'] = space.run(['ipset', 'save'])
            if any(link['type'] in ('bridge', 'vxlan') for link in config['links']):
                tables[name + '.fdb'] = space.run(['bridge', 'fdb', 'show'])
            tables[name + '.neigh'] = space.run(['ip', '-4', 'neigh', 'show'])
            with space:
                timeouts[name] = [int(open(file).read())
                                  for file in glob.glob('/proc/sys/net/netfilter/nf_conntrack_*timeout*')]
                recent = {os.path.basename(file): open(file).read().splitlines()
                          for file in glob.glob('/proc/thread-self/net/xt_recent/*')}
            if recent:
                tables[name + '.recent.json'] = recent
        return {'out': self.out, 'tables': tables, 'connections': connections, 'walk': self.walk, 'timeouts': timeouts,
                'logs': self.logs, 'errors': self.errors}

    def close(self):
        for file in [*self.keep, *self.raw.values(), *self.tables.values(),
                     *(getattr(self, name) for name in ('sender', 'receiver') if hasattr(self, name))]:
            file.close()
        for fd in [self.kmsg, *(space.fd for space in [getattr(self, 'far', None), *self.spaces.values()] if space)]:
            if fd is not None:
                os.close(fd)


def answer(text):
    job = Job(json.loads(text))
    try:
        job.build()
        job.play()
        return job.collect()
    except (OSError, RuntimeError, KeyError) as error:
        return {'error': '%s: %s' % (type(error).__name__, error)}
    finally:
        enter(HOME)
        job.close()


def be_prompt():
    """On a busy machine nobody else's turn comes between two frames; tools that are started have no such right."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except OSError:
        pass


def main():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    be_prompt()
    before = {key: read_sysctl(key) for key in MACHINE}
    try:
        for text in sys.stdin:
            json.dump(answer(text), sys.stdout, separators=(',', ':'))
            sys.stdout.write('\n')
            sys.stdout.flush()
    finally:
        for key, value in before.items():
            write_sysctl(key, value)


main()
