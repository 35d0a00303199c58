#!/usr/bin/env python3
"""Puts frames through the real kernel: one JSON job on stdin, one JSON answer on stdout.

A job:    {"name": unique prefix, "setup": [shell lines], "ports": {port: device}, "ns": namespace of the ports,
           "rules": iptables-save text, "backend": "nft" | "legacy", "frames": [{"port", "hex"}]}
An answer: {"out": [{"in", "port", "hex"}], "counters": text, "conntrack": [lines]}

The wires are veth pairs: the near end is in the namespace under test, the far end (x-PORT) in a namespace of its own, where
this program holds packet sockets. All namespaces have names that begin with the job's, and are deleted at the end. Only the
standard library is used. Needs root."""
import ctypes
import fcntl
import json
import os
import select
import socket
import struct
import subprocess
import sys
import time

CLONE_NEWNET = 0x40000000
ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
ENOUGH_SILENCE = 0.002

libc = ctypes.CDLL('libc.so.6', use_errno=True)


def run(args, text=None, check=True):
    done = subprocess.run(args, input=text, capture_output=True, text=True)
    if check and done.returncode != 0:
        raise RuntimeError('%s: %s' % (' '.join(args), done.stderr.strip()))
    return done.stdout


def enter(name):
    """Move this thread into a network namespace."""
    fd = os.open('/run/netns/' + name, os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), 'setns ' + name)
    os.close(fd)


def offloads_off(device):
    """Checksums and segments as on a wire: ETHTOOL_STXCSUM SRXCSUM SSG STSO SGSO SGRO SFLAGS."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for command in (0x17, 0x15, 0x19, 0x1f, 0x24, 0x2c, 0x26):
        value = ctypes.create_string_buffer(struct.pack('II', command, 0), 8)
        request = struct.pack('16sP8x', device.encode(), ctypes.addressof(value))
        try:
            fcntl.ioctl(probe.fileno(), 0x8946, request)
        except OSError:
            pass
    probe.close()


class Wires:
    """Packet sockets on the far ends."""

    def __init__(self, far, ports):
        enter(far)
        self.sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.receiver.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.receiver.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
        self.receiver.setblocking(False)
        self.ports = {'x-' + port: port for port in ports}

    def drain(self, out, cause):
        got = False
        while True:
            try:
                data, address = self.receiver.recvfrom(70000)
            except BlockingIOError:
                return got
            port = self.ports.get(address[0])
            # The far ends speak IPv6 by themselves when they come up.
            if port is not None and data[12:14] != b'\x86\xdd':
                out.append({'in': cause, 'port': port, 'hex': data.hex()})
                got = True

    def send(self, port, frame, out, cause):
        self.sender.sendto(frame, ('x-' + port, 0))
        while select.select([self.receiver], [], [], ENOUGH_SILENCE)[0]:
            self.drain(out, cause)


def build(job):
    near, far = job['name'] + '-near', job['name'] + '-far'
    run(['ip', 'netns', 'add', near])
    run(['ip', 'netns', 'add', far])
    run(['ip', '-n', far, 'link', 'set', 'lo', 'up'])
    run(['ip', '-n', near, 'link', 'set', 'lo', 'up'])
    for port, device in job['ports'].items():
        run(['ip', '-n', near, 'link', 'add', device['name'], 'address', device['mac'], 'type', 'veth',
             'peer', 'name', 'x-' + port, 'netns', far])
        run(['ip', '-n', far, 'link', 'set', 'x-' + port, 'arp', 'off', 'mtu', '65535', 'up'])
        run(['ip', '-n', near, 'link', 'set', device['name'], 'up'])
    for line in job['setup']:
        run(['ip', 'netns', 'exec', near, 'sh', '-c', line])
    # The far ends see everything and take nothing: what the kernel would answer there is not part of the experiment.
    for port, device in job['ports'].items():
        run(['tc', '-n', far, 'qdisc', 'add', 'dev', 'x-' + port, 'clsact'])
        run(['tc', '-n', far, 'filter', 'add', 'dev', 'x-' + port, 'ingress', 'protocol', 'all', 'prio', '1',
             'bpf', 'da', 'bytecode', '1,6 0 0 2'])
        for name, ns in (('x-' + port, far), (device['name'], near)):
            run([sys.executable, os.path.abspath(__file__), '--offloads-off', ns, name])
    tool = 'iptables-legacy' if job['backend'] == 'legacy' else 'iptables-nft'
    run(['ip', 'netns', 'exec', near, tool + '-restore'], job['rules'])
    return near, far, tool


def play(job):
    near, far, tool = build(job)
    # One CPU: a frame's work is then done before the next one is sent.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    wires = Wires(far, job['ports'])
    time.sleep(0.2)
    wires.drain([], -1)
    out = []
    for index, frame in enumerate(job['frames']):
        wires.send(frame['port'], bytes.fromhex(frame['hex']), out, index)
    inside = ['ip', 'netns', 'exec', near]
    save = run(inside + [tool + '-save', '-c'])
    return {
        'out': out,
        'counters': ''.join(line for line in save.splitlines(True) if not line.startswith('#')),
        'conntrack': run(inside + ['cat', '/proc/net/nf_conntrack'], check=False).splitlines(),
    }


def main():
    if sys.argv[1:2] == ['--offloads-off']:
        enter(sys.argv[2])
        offloads_off(sys.argv[3])
        return
    job = json.load(sys.stdin)
    try:
        json.dump(play(job), sys.stdout)
    finally:
        for name in (job['name'] + '-near', job['name'] + '-far'):
            subprocess.run(['ip', 'netns', 'del', name], stderr=subprocess.DEVNULL)


main()
