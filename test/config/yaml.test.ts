import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseYaml, readYamlFile } from '../../config/yaml.ts';

describe('YAML', () => {
  it('keeps timestamps, dates and versions as text', () => {
    expect(parseYaml('a: 2023-01-01T00:00:00Z\nb: 2024-09-16\nc: off\nd: 0x10\ne: no', 'f')).toEqual({
      a: '2023-01-01T00:00:00Z',
      b: '2024-09-16',
      c: 'off',
      d: 16,
      e: 'no',
    });
  });

  it.each([
    ['a double key', 'a: 1\nb: 2\na: 3', 'line 3, column 1: Map keys must be unique'],
    ['a tab for indentation', 'a:\n\tb: 1', 'line 2, column 1: Tabs are not allowed as indentation'],
    ['an unclosed list', 'a: [1, 2', 'line 1, column 9: '],
    ['a second document', 'a: 1\n---\nb: 2', 'Source contains multiple documents'],
    ['an unknown tag', 'a: !python/object x', 'line 1, column 4: Unresolved tag'],
  ])('is refused with line and column for %s', (_name, text, expected) => {
    expect(() => parseYaml(text, 'conf.yaml')).toThrow(/^conf\.yaml is not YAML that can be read:/);
    expect(() => parseYaml(text, 'conf.yaml')).toThrow(expected);
  });

  it('does not let aliases grow without bound', () => {
    const levels = Array.from({ length: 12 }, (_unused, level) =>
      level === 0
        ? 'a0: &a0 [x, x, x]'
        : `a${level}: &a${level} [${Array(9)
            .fill(`*a${level - 1}`)
            .join(', ')}]`,
    );
    expect(() => parseYaml(levels.join('\n'), 'bomb.yaml')).toThrow(/bomb\.yaml uses YAML aliases in a way/);
  });

  it('takes aliases in reasonable number', () => {
    expect(parseYaml('a: &a { b: 1 }\nc: *a', 'f')).toEqual({ a: { b: 1 }, c: { b: 1 } });
  });

  it('gives a key named __proto__ no power', () => {
    const value = parseYaml('__proto__: { polluted: true }', 'f') as object;
    expect('polluted' in value).toBe(false);
    expect(Object.keys(value)).toEqual(['__proto__']);
  });

  it('is not read from files that are too large, no text, or directories', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'config-yaml-'));
    try {
      const path = join(directory, 'f.yaml');
      await writeFile(path, `# ${'x'.repeat(1024 * 1024)}`);
      await expect(readYamlFile(path)).rejects.toThrow('it is larger than 1048576 bytes');
      await writeFile(path, Buffer.from([0x61, 0x3a, 0xff, 0xfe]));
      await expect(readYamlFile(path)).rejects.toThrow('it is not UTF-8 text');
      await expect(readYamlFile(directory)).rejects.toThrow('it is a directory');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
