import { assert as assertProperty, bigInt, integer, property, stringMatching } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  archiveDay,
  archiveDayBounds,
  digestKey,
  digestsFolder,
  entriesFolder,
  entriesKey,
  identityKey,
  organizationFolder,
  parseArchiveKey,
} from '../../src/archive/layout.ts';
import { assertPlainFolder, assertPlainKey } from '../../src/archive/object-store.ts';

const lastMomentOf2025 = 1_767_225_599_999_999_999n;

describe('the names of archive objects', () => {
  test('are those of the documentation', () => {
    expect(identityKey('acme')).toBe('organization=acme/archive.json');
    expect(entriesKey('acme', { createdAt: lastMomentOf2025, sequence: 42 })).toBe(
      'organization=acme/entries/date=2025-12-31/000000000042.jsonl.gz',
    );
    expect(entriesKey('acme', { createdAt: lastMomentOf2025 + 1n, sequence: 42 })).toBe(
      'organization=acme/entries/date=2026-01-01/000000000042.jsonl.gz',
    );
    expect(digestKey('acme', 7)).toBe('organization=acme/digests/000000000007.json');
    expect(entriesFolder('acme')).toBe('organization=acme/entries/');
    expect(digestsFolder('acme')).toBe('organization=acme/digests/');
  });

  test('are read back as what they were made of, whatever the organization, day and sequence', () => {
    const organization = stringMatching(/^[a-z0-9][a-z0-9-]{0,62}$/);
    const createdAt = bigInt(-62_135_596_800_000_000_000n, 253_402_300_799_999_999_999n);
    const sequence = integer({ min: 1, max: 999_999_999_999 });
    assertProperty(
      property(organization, createdAt, sequence, (name, time, first) => {
        const key = entriesKey(name, { createdAt: time, sequence: first });
        expect(() => assertPlainKey(key)).not.toThrow();
        expect(parseArchiveKey(key)).toEqual({
          kind: 'entries',
          organization: name,
          day: archiveDay(time),
          firstSequence: first,
        });
      }),
    );
    expect(parseArchiveKey(identityKey('acme'))).toEqual({ kind: 'identity', organization: 'acme' });
    expect(parseArchiveKey(digestKey('acme', 3))).toEqual({
      kind: 'digest',
      organization: 'acme',
      number: 3,
    });
  });

  test.each([
    'archive.json',
    'organization=/archive.json',
    'organization=acme',
    'organization=acme/archive.json.bak',
    'organization=acme/entries/000000000001.jsonl.gz',
    'organization=acme/entries/date=2026-02-30/000000000001.jsonl.gz',
    'organization=acme/entries/date=2026-02-01/1.jsonl.gz',
    'organization=acme/entries/date=2026-02-01/000000000000.jsonl.gz',
    'organization=acme/entries/date=2026-02-01/000000000001.jsonl',
    'organization=acme/entries/date=2026-02-01/',
    'organization=acme/digests/date=2026-02-01/000000000001.json',
    'organization=Acme/archive.json',
    'x/organization=acme/archive.json',
  ])('%s is none', (key) => {
    expect(parseArchiveKey(key)).toBeUndefined();
  });

  test.each(['', '..', '../x', 'a/b', 'Acme', '.', 'a\0b', '-a', 'a'.repeat(64)])(
    'are never made of the organization name %j',
    (name) => {
      expect(() => organizationFolder(name)).toThrow(/is not an organization's name/);
    },
  );

  test.each([-1, 0.5, 1e12, Number.NaN])('are never made of the sequence %s', (sequence) => {
    expect(() => entriesKey('acme', { createdAt: 0n, sequence })).toThrow(/twelve digits/);
  });

  test('have days whose bounds are those of the day that is printed', () => {
    const time = bigInt(-62_135_596_800_000_000_000n, 253_402_300_799_999_999_999n);
    assertProperty(
      property(time, (createdAt) => {
        const [from, to] = archiveDayBounds(createdAt);
        const inside = [from, createdAt, to - 1n].map((each) => archiveDay(each));
        expect(new Set(inside)).toEqual(new Set([archiveDay(createdAt)]));
        expect(to - from).toBe(86_400_000_000_000n);
      }),
    );
  });

  test('are never made of a year with more than four digits', () => {
    expect(() => archiveDay(253_402_300_800_000_000_000n)).toThrow(/more than four digits/);
  });

  test.each(['', '/', '/etc/passwd', '../a', 'a/../b', 'a//b', 'a/', './a', 'a/.b', 'a\\b', 'a b', 'ä'])(
    'the store refuses the key %j',
    (key) => {
      expect(() => assertPlainKey(key)).toThrow(/not one of the archive's/);
    },
  );

  test('the store lists the root and plain folders only', () => {
    expect(() => assertPlainFolder('')).not.toThrow();
    expect(() => assertPlainFolder('organization=acme/entries/')).not.toThrow();
    for (const folder of ['/', '../', 'a', 'a/../']) {
      expect(() => assertPlainFolder(folder)).toThrow(/not one of the archive's/);
    }
  });
});
