/** Commands of a restore file that change a table: what they leave was taken from iptables 1.8.9, nft and legacy alike. */
import { expect, test } from 'vitest';
import { formatSave, parseSave } from '../../src/netfilter/save.ts';

const BEFORE = [
  '*filter',
  ':A - [0:0]',
  ':B - [0:0]',
  '-A FORWARD -p udp -j A',
  '-A FORWARD -p tcp -j B',
  '-A A -s 10.0.0.1/32 -j ACCEPT',
  '-A A -j RETURN',
  'COMMIT',
].join('\n');

/** What the commands make of BEFORE, without the base chains. */
function edited(...commands: readonly string[]): string[] {
  const base = parseSave(BEFORE, 'before', { family: 'ipv4' });
  const after = parseSave(`*filter\n${commands.join('\n')}\nCOMMIT\n`, 'f', { family: 'ipv4', base });
  return formatSave(after, {})
    .split('\n')
    .filter((line) => /^(-|:FORWARD|:[A-Z] )/.test(line));
}

test('commands one after the other', () => {
  const commands = [
    '-C A -s 10.0.0.1/32 -j ACCEPT',
    '-I A 2 -s 10.0.0.2,10.0.0.3 -j DROP',
    '-R FORWARD 2 -p icmp -g B',
    '-E B C',
    '-P FORWARD DROP',
    '-D A -j RETURN',
    '-N D',
    '-N E',
    '-X D',
    '-Z A 1',
  ];
  expect(edited(...commands)).toEqual([
    ':FORWARD DROP [0:0]',
    ':A - [0:0]',
    ':C - [0:0]',
    ':E - [0:0]',
    '-A FORWARD -p udp -j A',
    '-A FORWARD -p icmp -g C',
    '-A A -s 10.0.0.1/32 -j ACCEPT',
    '-A A -s 10.0.0.3/32 -j DROP',
    '-A A -s 10.0.0.2/32 -j DROP',
  ]);
});

test('-X without a name takes the chains that are empty and unused', () => {
  expect(edited('-N EMPTY', '-F B', '-X')).toEqual([
    ':FORWARD ACCEPT [0:0]',
    ':A - [0:0]',
    ':B - [0:0]',
    '-A FORWARD -p udp -j A',
    '-A FORWARD -p tcp -j B',
    '-A A -s 10.0.0.1/32 -j ACCEPT',
    '-A A -j RETURN',
  ]);
  expect(edited('-F', '-X')).toEqual([':FORWARD ACCEPT [0:0]']);
});

test('-D by number', () => {
  expect(edited('-D A 1').filter((line) => line.startsWith('-A A'))).toEqual(['-A A -j RETURN']);
});

test.each([
  ['-C A -j DROP', 'f:2:1: no rule -j DROP in A, expected one that is there'],
  ['-I A 9 -j DROP', 'f:2:1: place 9 in A, expected at most 3'],
  ['-R A 9 -j DROP', 'f:2:1: rule 9 of A, expected at most 2'],
  ['-D A 9', 'f:2:1: rule 9 of A, expected at most 2'],
  ['-D A -j DROP', 'f:2:1: no rule -j DROP in A, expected one that is there'],
  ['-N A', 'f:2:1: chain A is there already, expected a new name'],
  ['-X A', 'f:2:1: -X of A with 2 rules, expected an empty chain'],
  ['-X B', 'f:2:1: -X of B, which a rule of FORWARD leads to, expected it unused'],
  ['-X C', 'f:2:1: no chain C, expected a chain of table filter'],
  ['-X FORWARD', 'f:2:1: -X of the base chain FORWARD, expected a user chain'],
  ['-E A B', 'f:2:1: chain B is there already, expected a new name'],
  ['-E FORWARD Q', 'f:2:1: -E of the base chain FORWARD, expected a user chain'],
  ['-P A DROP', 'f:2:1: policy of the user chain A, expected a base chain'],
  ['-P FORWARD QUEUE', 'f:2:1: policy QUEUE, expected ACCEPT or DROP'],
  ['-Z A 9', 'f:2:1: rule 9 of A, expected at most 2'],
  ['-F NOPE', 'f:2:1: no chain NOPE, expected a chain of table filter'],
])('%s is refused', (command, message) => {
  expect(() => edited(command)).toThrow(message);
});
