/**
 * `-j REJECT`: drop, and say so to the sender by an ICMP error or a TCP RST. net/ipv4/netfilter/ipt_REJECT.c and
 * nf_reject_ipv4.c, with their IPv6 twins. @module
 */
import { NF_DROP } from '../../net/hook.ts';
import type { Family, Given, Target } from '../extension.ts';
import { sendReset, sendUnreachable } from '../reject-ipv4.ts';
import { sendReset6, sendUnreachable6 } from '../reject-ipv6.ts';

interface Answer {
  /** As printed; any unambiguous or ambiguous beginning of it is read, too. */
  readonly name: string;
  readonly alias: string;
  /** Code of the ICMP error of type 3 (ICMPv6: 1), or {@link RESET}. */
  readonly code: number;
}

const RESET = -1;
const TCP = 6;

/** In the order in which libipt_REJECT and libip6t_REJECT look for a name. */
const ANSWERS: Readonly<Record<Family, readonly Answer[]>> = {
  ipv4: [
    { name: 'icmp-net-unreachable', alias: 'net-unreach', code: 0 },
    { name: 'icmp-host-unreachable', alias: 'host-unreach', code: 1 },
    { name: 'icmp-proto-unreachable', alias: 'proto-unreach', code: 2 },
    { name: 'icmp-port-unreachable', alias: 'port-unreach', code: 3 },
    { name: 'icmp-net-prohibited', alias: 'net-prohib', code: 9 },
    { name: 'icmp-host-prohibited', alias: 'host-prohib', code: 10 },
    { name: 'tcp-reset', alias: 'tcp-rst', code: RESET },
    { name: 'icmp-admin-prohibited', alias: 'admin-prohib', code: 13 },
  ],
  ipv6: [
    { name: 'icmp6-no-route', alias: 'no-route', code: 0 },
    { name: 'icmp6-adm-prohibited', alias: 'adm-prohibited', code: 1 },
    { name: 'icmp6-addr-unreachable', alias: 'addr-unreach', code: 3 },
    { name: 'icmp6-port-unreachable', alias: 'port-unreach', code: 4 },
    { name: 'tcp-reset', alias: 'tcp-reset', code: RESET },
    { name: 'icmp6-policy-fail', alias: 'policy-fail', code: 5 },
    { name: 'icmp6-reject-route', alias: 'reject-route', code: 6 },
  ],
};

export interface Reject {
  readonly with: string;
}

function findAnswer(given: Given): Answer {
  const word = (given.text('reject-with') || 'port-unreach').toLowerCase();
  const answers = ANSWERS[given.family];
  const answer = answers.find(({ name, alias }) => name.startsWith(word) || alias.startsWith(word));
  const expected = answers.map(({ name }) => name).join(', ');
  return (
    answer ?? given.fail(`unknown reject type ${given.text('reject-with')}, expected one of ${expected}`, 'reject-with')
  );
}

export const reject: Target<Reject> = {
  name: 'REJECT',
  tables: ['filter'],
  hooks: ['INPUT', 'FORWARD', 'OUTPUT'],
  options: [{ name: 'reject-with' }],
  parse(given) {
    const { name, code } = findAnswer(given);
    if (code === RESET && given.protocol !== TCP) given.fail('tcp-reset, expected -p tcp with it', 'reject-with');
    return { with: name };
  },
  format: (options) => `--reject-with ${options.with}`,
  compile: (options, to) => [ANSWERS[to.family].find(({ name }) => name === options.with)!.code],
  run(args, at, pkt, scope) {
    const code = args[at]!;
    if (scope.family === 'ipv4') {
      if (code === RESET) sendReset(pkt, scope);
      else sendUnreachable(pkt, code, scope);
    } else if (code === RESET) sendReset6(pkt, scope);
    else sendUnreachable6(pkt, code, scope);
    return NF_DROP;
  },
};
