import { describe, expect, test } from 'vitest';
import { formatSave, type ParseOptions, parseSave } from '../../src/netfilter/save.ts';

/** What a text loads to, as iptables-save prints the rules of it. */
function rules(lines: string, options: ParseOptions = {}): string[] {
  const printed = formatSave(parseSave(`*filter\n:X - [0:0]\n${lines}\nCOMMIT\n`, 'f', options));
  return printed.split('\n').filter((line) => line.startsWith('-A'));
}

function failure(text: string, options: ParseOptions = {}): string {
  try {
    parseSave(text, 'node.rules', options);
    return 'loaded';
  } catch (error) {
    return (error as Error).message;
  }
}

const inFilter = (line: string): string => failure(`*filter\n:X - [0:0]\n${line}\nCOMMIT\n`);

describe('what iptables-restore takes', () => {
  test.each([
    ['-A INPUT -s 1.2.3.4,10/8 -j X', ['-A INPUT -s 1.2.3.4/32 -j X', '-A INPUT -s 10.0.0.0/8 -j X']],
    ['-I INPUT -s 1.1.1.1,2.2.2.2', ['-A INPUT -s 2.2.2.2/32', '-A INPUT -s 1.1.1.1/32']],
    ['-A INPUT ! -s 10.1.2.3/255.0.255.0', ['-A INPUT ! -s 10.0.2.0/255.0.255.0']],
    ['-A INPUT -s ! 10.0.0.1', ['-A INPUT ! -s 10.0.0.1/32']],
    ['--append INPUT --protocol TCP --dport=http --jump ACCEPT', ['-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT']],
    [
      '-A INPUT -m comment --comment x -p tcp --destination-p 80:',
      ['-A INPUT -p tcp -m comment --comment x -m tcp --dport 80:65535'],
    ],
    ['-A INPUT -p tcp --dport ! 80', ['-A INPUT -p tcp -m tcp ! --dport 80']],
    [
      '-A INPUT -m comment --comment "a \\"b\\" \\\\ \'c\'"',
      ['-A INPUT -m comment --comment "a \\"b\\" \\\\ \\\'c\\\'"'],
    ],
    ['-A INPUT -i + -p all -f', ['-A INPUT -f']],
    ['-A INPUT -ilo -jACCEPT', ['-A INPUT -i lo -j ACCEPT']],
    ['-A INPUT -g X', ['-A INPUT -g X']],
    ['-A INPUT -p 47 -j DROP\n-D INPUT -p gre -j DROP', []],
    ['-A INPUT -j DROP\n-A INPUT -j ACCEPT\n-D INPUT 1', ['-A INPUT -j ACCEPT']],
    ['-A INPUT -j DROP\n-R INPUT 1 -j RETURN\n-I INPUT 2 -j X', ['-A INPUT -j RETURN', '-A INPUT -j X']],
    ['-A X -j DROP\n-F X\n-X X', []],
    ['-N Y\n-A Y -j X\n-E X Z', ['-A Y -j Z']],
    ['-A INPUT -j DROP\n-F', []],
    ['-6 -A INPUT -j DROP', []],
    ['-A INPUT -c 5 6 -j DROP', ['-A INPUT -j DROP']],
  ])('%s', (lines, printed) => {
    expect(rules(lines)).toEqual(printed);
  });

  test('policies, counters and the order of chains', () => {
    const text =
      '*filter\n:Z - [9:9]\n:INPUT DROP [1:2]\n:A - [0:0]\n[3:4] -A Z -j A\n[5:6]-A INPUT -j Z\n-Z INPUT 1\nCOMMIT\n';
    const printed = formatSave(parseSave(text, 'f', { counters: true }), { counters: true });
    expect(printed).toBe(
      '*filter\n:INPUT DROP [1:2]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:A - [0:0]\n:Z - [0:0]\n' +
        '[0:0] -A INPUT -j Z\n[3:4] -A Z -j A\nCOMMIT\n',
    );
    expect(formatSave(parseSave(text, 'f'), { counters: true })).toContain('[0:0] -A Z -j A');
  });

  test('a later section of a table takes the place of an earlier one', () => {
    const text = '*filter\n-A INPUT -j DROP\nCOMMIT\n# again\n\n*filter\n-A OUTPUT -j DROP\nCOMMIT\n';
    expect(formatSave(parseSave(text, 'f'))).not.toContain('-A INPUT');
  });

  test('with a base, tables are changed: named chains are emptied, -X removes', () => {
    const base = parseSave(
      '*nat\n:A - [0:0]\n:B - [0:0]\n-A OUTPUT -j A\n-A A -j B\n-A B -j RETURN\nCOMMIT\n*raw\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n',
      'f',
    );
    const changed = parseSave('*nat\n:A - [0:0]\n:B - [0:0]\n-A A -p udp -j RETURN\n-X B\nCOMMIT\n', 'f', { base });
    expect(formatSave(changed)).toBe(
      '*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n' +
        '*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:A - [0:0]\n' +
        '-A OUTPUT -j A\n-A A -p udp -j RETURN\nCOMMIT\n',
    );
  });

  test('iptables-nft has a table when a chain of it is named, iptables-legacy when the table is', () => {
    const tables = (body: string, backend: 'nft' | 'legacy'): string[] =>
      formatSave(parseSave(`*nat\n${body}COMMIT\n`, 'f'), { backend }).match(/^\*.*/gm) ?? [];
    for (const body of ['', '-F\n-X\n']) expect(tables(body, 'nft')).toEqual([]);
    expect(tables('', 'legacy')).toEqual(['*nat']);
    for (const body of [':OUTPUT ACCEPT [0:0]\n', ':A - [0:0]\n', '-A OUTPUT -j ACCEPT\n', '-F OUTPUT\n'])
      expect(tables(body, 'nft')).toEqual(['*nat']);
  });

  test('IPv6', () => {
    expect(rules('-A INPUT -s FE80::1/10 ! -d ::1 -p icmpv6 --icmpv6-type ping', { family: 'ipv6' })).toEqual([
      '-A INPUT -s fe80::/10 ! -d ::1/128 -p ipv6-icmp -m icmp6 --icmpv6-type 128',
    ]);
  });
});

describe('what it does not take names the place', () => {
  test.each([
    ['*filtre\n', 'node.rules:1:1: unknown table filtre, expected raw, mangle, nat, filter, security'],
    ['-A INPUT\n', 'node.rules:1:1: -A outside a table, expected a line like *filter'],
    ['*filter\n-A INPUT\n', 'node.rules:3:1: end of the file in table filter, expected COMMIT'],
    ['*filter\n:INPUT REJECT\n', 'node.rules:2:8: policy REJECT, expected ACCEPT or DROP'],
    ['*filter\n:DROP - [0:0]\n', 'node.rules:2:2: chain name DROP, expected one that is no verdict'],
    ['*filter\n[1:x] -A INPUT\n', 'node.rules:2:1: counters [1:x], expected [packets:bytes]'],
    ['*filter\n:INPUT\n', 'node.rules:2:2: chain INPUT without a policy, expected ACCEPT, DROP or -'],
    [
      '*filter\n:ABCDEFGHIJKLMNOPQRSTUVWXYZABC - [0:0]\n',
      'node.rules:2:2: chain name ABCDEFGHIJKLMNOPQRSTUVWXYZABC of 29 characters, expected at most 28',
    ],
  ])('%j', (text, message) => {
    expect(failure(text)).toBe(message);
  });

  test.each([
    ['-A NOPE -j DROP', '3:1: no chain NOPE, expected a chain of table filter'],
    [
      '-A INPUT -j NOPE',
      '3:13: no chain or target NOPE, expected a chain of table filter or a target that can be loaded',
    ],
    ['-A INPUT -m nope', '3:13: unknown match nope, expected one that can be loaded'],
    ['-A INPUT -s 10.0.0.256', '3:13: not an address: 10.0.0.256, expected an IPv4 address (names are not looked up)'],
    ['-A INPUT -s localhost', '3:13: not an address: localhost, expected an IPv4 address (names are not looked up)'],
    ['-A INPUT -s 10.0.0.1/33', '3:13: not a mask: 33, expected 0 to 32 or a mask of bits'],
    [
      '-A INPUT --dport 80',
      '3:10: unknown option --dport, expected one of iptables (a match needs -m or -p before its options)',
    ],
    ['-A INPUT -j LOG --log-foo', '3:17: unknown option --log-foo, expected one of iptables, LOG'],
    ['-A INPUT -p tcp --dport zz', '3:25: not a port: zz, expected a number or the name of a service'],
    ['-A INPUT -m tcp --dport 80', '3:13: tcp without its protocol, expected -p tcp'],
    ['-A INPUT -p tcp --d 80', '3:17: --d is ambiguous, expected more letters'],
    ['-A INPUT -p frob', '3:13: unknown protocol frob, expected a name, a number up to 255 or all'],
    ['-A INPUT -o eth0', '3:13: -o in INPUT, expected -i'],
    ['-A INPUT -m comment', '3:13: comment without --comment, expected one'],
    ['-A INPUT -m comment --comment "a', '3:31: a quote that is not closed, expected "'],
    ['-A INPUT ! -j DROP', '3:10: ! before -j, expected it before -s -d -p -i -o -f or an option of a match'],
    ['-A INPUT -j MASQUERADE', '3:13: MASQUERADE in table filter, expected table nat'],
    ['-A INPUT -j INPUT', '3:13: jump to the base chain INPUT, expected a user chain'],
    ['-A X -j X', '3:9: a loop of chains: X -> X, expected chains that end'],
    [':Y - [0:0]\n-A X -j Y\n-A Y -g X', '5:9: a loop of chains: X -> Y -> X, expected chains that end'],
    ['-A INPUT -j X\n-X X', '4:1: -X of X, which a rule of INPUT leads to, expected it unused'],
    ['-D INPUT -j DROP', '3:1: no rule -j DROP in INPUT, expected one that is there'],
    ['-D INPUT 2', '3:1: rule 2 of INPUT, expected at most 0'],
    ['-t nat -A INPUT', '3:1: -t, expected the table filter of the line that begins with *'],
  ])('%s', (line, message) => {
    expect(inFilter(line)).toBe(`node.rules:${message}`);
  });

  test('an extension where the hook that leads to it is not one of its own', () => {
    expect(failure('*nat\n:X - [0:0]\n-A X -j MASQUERADE\n-A OUTPUT -j X\nCOMMIT\n')).toBe(
      'node.rules:3:9: MASQUERADE in X, which OUTPUT leads to, expected only in POSTROUTING',
    );
  });
});

test('ignoreUnknown leaves rules out and lists them', () => {
  const text =
    '*filter\n-A INPUT -m nope --x 1 -j ACCEPT\n-A INPUT -j ULOG --ulog-nlgroup 1\n-A INPUT -j MISSING\n-A INPUT -m set --match-set s src\n-A INPUT -j DROP\nCOMMIT\n';
  const ruleset = parseSave(text, 'f', { ignoreUnknown: true, hasSet: () => false });
  expect(formatSave(ruleset).match(/^-A.*/gm)).toEqual(['-A INPUT -j DROP']);
  expect(ruleset.ignored.map(({ what, at }) => `${at.line}: ${what}`)).toEqual([
    '2: match nope',
    '3: target ULOG',
    '5: set s',
    '4: target MISSING',
  ]);
});
