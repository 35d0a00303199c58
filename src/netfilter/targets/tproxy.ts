/**
 * `-j TPROXY`: give the packet to a local transparent socket, net/netfilter/xt_TPROXY.c. No socket here is transparent, so
 * what comes to this target is dropped, as the kernel does without a proxy. @module
 */
import { NF_DROP } from '../../net/hook.ts';
import { format4, format6, parse4, parse6 } from '../../packet/address.ts';
import type { Given, Target } from '../extension.ts';

const TCP = 6;
const UDP = 17;

export interface Tproxy {
  readonly port: number;
  /** As printed; the unspecified address for any. */
  readonly ip: string;
  readonly value: number;
  readonly mask: number;
}

function parseAddress(given: Given): string {
  const text = given.text('on-ip');
  if (given.family === 'ipv4') {
    const address = text === '' ? 0 : parse4(text);
    return address === undefined ? given.fail(`${text}, expected an IPv4 address`, 'on-ip') : format4(address);
  }
  const address = parse6(text === '' ? '::' : text);
  return address === undefined ? given.fail(`${text}, expected an IPv6 address`, 'on-ip') : format6(address);
}

export const tproxy: Target<Tproxy> = {
  name: 'TPROXY',
  tables: ['mangle'],
  hooks: ['PREROUTING'],
  needsDefrag: true,
  options: [{ name: 'on-port', required: true }, { name: 'on-ip' }, { name: 'tproxy-mark' }],
  parse(given) {
    if (given.protocol !== TCP && given.protocol !== UDP)
      given.fail('TPROXY for another protocol, expected -p tcp or udp');
    const mark = given.has('tproxy-mark') ? given.markMask('tproxy-mark') : { value: 0, mask: 0 };
    return { port: given.port('on-port'), ip: parseAddress(given), ...mark };
  },
  format: ({ port, ip, value, mask }) =>
    `--on-port ${port} --on-ip ${ip} --tproxy-mark 0x${value.toString(16)}/0x${mask.toString(16)}`,
  compile: () => [],
  run: () => NF_DROP,
};
