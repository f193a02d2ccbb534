import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writePlainColumns } from '../../../sinks/postgres/plain-columns.ts';
import { takenColumns } from '../../../sinks/postgres/taken-columns.ts';
import { CopyBinaryWriter } from '../../../src/database/copy-binary.ts';
import { exoticEntries } from '../../helpers/exotic-entries.ts';
import { entryTexts } from '../../helpers/json-texts.ts';

/** The bytes of the columns; undefined where they are left to the other. */
function plainly(raw: Buffer): Buffer | undefined {
  const writer = new CopyBinaryWriter(12, 16);
  return writePlainColumns(writer, raw) ? writer.finish() : undefined;
}

function byParsing(raw: Buffer): Buffer {
  const writer = new CopyBinaryWriter(12, 16);
  const { texts, payload } = takenColumns(raw);
  for (const text of texts) writer.text(text);
  writer.jsonb(payload);
  return writer.finish();
}

const usual =
  '{"id":"3f82655a-b601-4eed-b792-20396e8669a5","trace_id":"977c","source":"AUDIT_LOG_SOURCE_UI","user_email":"a@example.com",' +
  '"service_account_name":"","cluster_id":null,"payload":"{\\"request\\": {\\"name\\": \\"key-330d\\"}}",' +
  '"metadata":{"ip_address":"203.0.113.180"},"error":"","created_at":"2025-10-23T18:54:28.567323Z"}';

describe('the columns of a plain entry', () => {
  it('are those that parsing gives, or left to it, whatever the entry is', () => {
    const named = fc.constantFrom('"action"', '"user_email"', '"metadata"', '"error"');
    const texts = fc
      .tuple(
        entryTexts,
        named,
        fc.constantFrom('{"ip_address":"::1","ip_address":7}', '"a\\"b"', 'null', '[1, 2]', '"é"', '1.50'),
      )
      .map(([text, key, value]) =>
        text === '{}' ? '{}' : `${text.trimEnd().slice(0, -1)},${key}:${value}}`,
      );
    let plain = 0;
    fc.assert(
      fc.property(texts, (text) => {
        const raw = Buffer.from(text);
        const bytes = plainly(raw);
        if (bytes === undefined) return;
        plain += 1;
        expect(bytes.toString('latin1')).toBe(byParsing(raw).toString('latin1'));
      }),
      { numRuns: 3000 },
    );
    expect(plain).toBeGreaterThan(300);
  });

  it.each(exoticEntries().map((entry) => [entry.id, entry.raw] as const))('are the same for %s', (_, raw) => {
    expect(plainly(raw) ?? byParsing(raw)).toEqual(byParsing(raw));
  });

  it.each([
    ['an entry as they are', usual],
    ['a payload that is an object', '{"payload":{"b": [1, {"c":null}],"a":"x"},"id":"1"}'],
    ['no payload', '{"id":"1","action":"A"}'],
    ['a payload that holds null', '{"payload":"null"}'],
    ['other letters', '{"user_email":"Zoë 🐘"}'],
    ['an escaped text', '{"error":"say \\"hi\\""}'],
  ])('are written without parsing for %s', (_, text) => {
    expect(plainly(Buffer.from(text))).toEqual(byParsing(Buffer.from(text)));
  });

  it.each([
    ['a payload that is text', Buffer.from('{"payload":"done, thanks"}')],
    ['a payload with a character that jsonb may refuse', Buffer.from('{"payload":{"a":"\\u0000"}}')],
    ['the same in a payload that is a string', Buffer.from('{"payload":"{\\"a\\":\\"\\\\u0000\\"}"}')],
    ['a key in other letters', Buffer.from('{"é":1}')],
    ['a large one', Buffer.from(JSON.stringify({ error: 'x'.repeat(40_000) }))],
    ['bytes that are no UTF-8', Buffer.from('{"error":"\xff"}', 'latin1')],
    ['what is no entry', Buffer.from('[1]')],
    ['what is cut off', Buffer.from('{"a":1')],
  ])('are left to parsing for %s', (_, raw) => {
    expect(plainly(raw)).toBeUndefined();
  });
});
