/** Rules as iptables-save prints them: save_rule and the save functions of extensions. Inverse of command.ts. @module */
import { protocolName } from '../packet/protocols.ts';
import { formatAddress } from './address-test.ts';
import type { Family } from './extension.ts';
import { findMatch } from './matches/index.ts';
import { spellMatches } from './nft-spelling.ts';
import type { DeviceTest, Rule, RuleTarget, Use } from './rule.ts';
import { findTarget } from './targets/index.ts';

/** Which iptables prints: a few spellings and the order of tables differ. */
export type Backend = 'nft' | 'legacy';

const not = (invert: boolean): string => (invert ? '! ' : '');

function formatDevice(letter: 'i' | 'o', test: DeviceTest | null, backend: Backend): string {
  // `+` alone is every device.
  if (test === null || test.pattern === '' || (test.pattern === '+' && !(test.invert && backend === 'nft'))) return '';
  return `${not(test.invert)}-${letter} ${test.pattern} `;
}

function formatUse(flag: '-m' | '-j', use: Use, family: Family): string {
  const extension = flag === '-m' ? findMatch(use.name, family) : findTarget(use.name, family);
  if (extension === undefined) throw new Error(`no ${use.name} in the registry`);
  const options = extension.format(use.options, family);
  return `${flag} ${use.name} ${options === '' ? '' : `${options} `}`;
}

function formatTarget(target: RuleTarget | null, family: Family): string {
  if (target === null) return '';
  switch (target.kind) {
    case 'verdict':
      return `-j ${target.verdict} `;
    case 'jump':
      return `-j ${target.chain} `;
    case 'goto':
      return `-g ${target.chain} `;
    case 'extension':
      return formatUse('-j', target, family);
  }
}

/** The words of a rule after `-A CHAIN`, '' when it has none. */
export function formatRule(rule: Rule, family: Family, backend: Backend): string {
  const matches = backend === 'nft' ? spellMatches(rule.matches) : rule.matches;
  const fragment = rule.fragment === null ? '' : `${not(!rule.fragment)}-f `;
  const protocol = rule.protocol === 0 ? '' : `${not(rule.invertProtocol)}-p ${protocolName(rule.protocol)} `;
  return (
    formatAddress('s', rule.src) +
    formatAddress('d', rule.dst) +
    formatDevice('i', rule.iif, backend) +
    formatDevice('o', rule.oif, backend) +
    protocol +
    fragment +
    matches.map((use) => formatUse('-m', use, family)).join('') +
    formatTarget(rule.target, family)
  ).trimEnd();
}
