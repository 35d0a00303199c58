/**
 * `-m ipvs`: properties of a packet's IPVS connection, net/netfilter/xt_ipvs.c. A packet that IPVS does not handle matches
 * only `! --ipvs` alone. @module
 */
import { format4, format6, parse4, parse6, prefixLength4 } from '../../packet/address.ts';
import { protocolNumber } from '../../packet/protocols.ts';
import { servicePort } from '../../packet/services.ts';
import type { Given, Match } from '../extension.ts';
import { bang } from '../number.ts';

export interface IpvsTest {
  readonly option: string;
  /** As printed; '' for a flag. */
  readonly word: string;
  readonly invert: boolean;
}

export interface Ipvs {
  readonly tests: readonly IpvsTest[];
}

/** In the order in which they are printed. */
const OPTIONS = ['ipvs', 'vproto', 'vaddr', 'vport', 'vdir', 'vmethod', 'vportctl'] as const;

const READERS: Readonly<Record<string, (text: string, given: Given) => string | undefined>> = {
  vproto: (text) => protocolNumber(text)?.toString(),
  vaddr: readAddress,
  vport: readPort,
  vportctl: readPort,
  vdir: (text) => ['ORIGINAL', 'REPLY'].find((name) => name === text.toUpperCase()),
  vmethod: (text) => ['GATE', 'IPIP', 'MASQ'].find((name) => name === text.toUpperCase()),
};

function readPort(text: string): string | undefined {
  const port = /^\d+$/.test(text) ? Number(text) : servicePort(text);
  return port === undefined || port > 0xffff ? undefined : String(port);
}

function readAddress(text: string, { family }: Given): string | undefined {
  const [address = '', mask] = text.split('/');
  const bits = family === 'ipv4' ? 32 : 128;
  const parsed = family === 'ipv4' ? parse4(address) : parse6(address);
  const dotted = mask === undefined ? undefined : parse4(mask);
  const length = mask === undefined ? bits : dotted === undefined ? Number(mask) : prefixLength4(dotted);
  if (parsed === undefined || !(length >= 0 && length <= bits)) return undefined;
  const printed = typeof parsed === 'number' ? format4(parsed) : format6(parsed);
  return length === bits ? printed : `${printed}/${length}`;
}

export const ipvs: Match<Ipvs> = {
  name: 'ipvs',
  options: OPTIONS.map((name) => ({ name, invert: true, words: name === 'ipvs' ? 0 : 1 })),
  parse(given) {
    const tests = OPTIONS.filter((option) => given.has(option)).map((option): IpvsTest => {
      const word = option === 'ipvs' ? '' : READERS[option]!(given.text(option), given);
      if (word === undefined) return given.fail(`${given.text(option)}, expected a value of --${option}`, option);
      return { option, word, invert: given.inverted(option) };
    });
    if (tests.length === 0) given.fail('no option, expected --ipvs or a --v... option');
    return { tests };
  },
  format: ({ tests }) =>
    tests.map(({ option, word, invert }) => `${bang(invert)}--${option}${word === '' ? '' : ` ${word}`}`).join(' '),
  compile: ({ tests }) => [Number(tests.length === 1 && tests[0]!.option === 'ipvs' && tests[0]!.invert)],
  test: (args, at) => args[at] === 1,
};
