import * as fc from 'fast-check';
import { hash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { idInFront, idOf } from '../../src/ledger/entry-id.ts';

function idOfText(text: string): string {
  const raw = Buffer.from(text);
  return idOf({ raw, sha256: hash('sha256', raw, 'buffer') });
}

describe('the id of an entry on its way to a sink', () => {
  it('is what parsing the whole entry gives, whatever stands in front or behind', () => {
    const name = fc.constantFrom('"id"', '"\\u0069d"', '"i\\u0064"', '"other"', '"ID"');
    const value = fc.oneof(
      fc.uuid().map((id) => JSON.stringify(id)),
      fc.json({ maxDepth: 2 }),
      fc.constantFrom('"a\\"b"', '""', '{"id":"inner"}', '"{\\"id\\":\\"x\\"}"', '"é"', 'null'),
    );
    const members = fc.array(fc.tuple(name, fc.constantFrom(':', ' : '), value), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(members, (parts) => {
        const text = `{${parts.map((part) => part.join('')).join()}}`;
        const { id } = JSON.parse(text) as { id?: unknown };
        const ofLine = `sha256:${hash('sha256', text)}`;
        expect(idOfText(text)).toBe(typeof id === 'string' && id !== '' ? id : ofLine);
      }),
      { numRuns: 1000 },
    );
  });

  it('is found in front, without parsing, in an entry as the API prints it', () => {
    const text = '{"id":"0b3f","action":"X","payload":"{\\"id\\": 1}"}';
    expect(idInFront(Buffer.from(text))).toBe('0b3f');
  });
});
