import { expect, test } from 'vitest';
import { YamlError, YamlText } from '../../src/manifest/lab-yaml.ts';

const TEXT = `# a comment
namespaces:
  r:
    sysctls: { net.ipv4.ip_forward: 1 }
    links:
      - name: eth0
        mac: zz
    rules: |
      *filter
      -A FORWARD -j DROPP
      COMMIT
`;

test('every value has a position', () => {
  const yaml = new YamlText(TEXT, 'lab.yaml');
  expect(yaml.locate('namespaces.r.links[0].mac')).toEqual({ file: 'lab.yaml', line: 7, column: 14 });
  expect(yaml.locate('namespaces.r.sysctls.net.ipv4.ip_forward')).toMatchObject({ line: 4, column: 37 });
  expect(yaml.locate(['namespaces', 'r', 'links', 0])).toMatchObject({ line: 6, column: 9 });
});

test('what is missing stands where its parent does', () => {
  expect(new YamlText(TEXT, 'lab.yaml').locate('namespaces.r.links[0].type')).toMatchObject({ line: 6, column: 9 });
});

test('a place inside a block text is a place in the file', () => {
  const at = new YamlText(TEXT, 'lab.yaml').locateInside(['namespaces', 'r', 'rules'], 2, 15);
  expect(at).toEqual({ file: 'lab.yaml', line: 10, column: 21 });
});

test('text that is not YAML names file, line and column', () => {
  expect(() => new YamlText('a: [1,\nb: }', 'bad.yaml')).toThrow(YamlError);
  expect(() => new YamlText('a: [1,\nb: }', 'bad.yaml')).toThrow(/^bad\.yaml:2:\d+: /);
});

test('JSON is YAML', () => {
  expect(new YamlText('{\n\t"a": [1, "x"]\n}', 't.json').value).toEqual({ a: [1, 'x'] });
});
