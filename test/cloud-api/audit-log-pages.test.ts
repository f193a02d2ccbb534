import { describe, expect, test } from 'vitest';
import { auditLogPages } from '../../src/cloud-api/audit-log-pages.ts';
import type { AuditEntry, AuditPage, AuditPageRequest, SortOrder } from '../../src/cloud-api/audit-page.ts';
import { parseTimestamp } from '../../src/time.ts';

const signal = new AbortController().signal;
const present = parseTimestamp('2022-01-01T01:00:00Z');

function entry(id: string): AuditEntry {
  return { raw: Buffer.from(JSON.stringify({ id })), id, createdAt: undefined, fields: { id } };
}

function page(ids: readonly string[], nextStartingFrom?: string): AuditPage {
  return { entries: ids.map(entry), nextStartingFrom, serverDate: present, bytes: 0 };
}

/** Lists what the answers hold; an answer that is not there means that the listing went too far. */
async function list(
  answers: readonly AuditPage[],
  options: { sortOrder: SortOrder; startingFrom?: string; limit?: number },
): Promise<{ ids: unknown[][]; asked: AuditPageRequest[] }> {
  const asked: AuditPageRequest[] = [];
  const ids: unknown[][] = [];
  const getPage = (request: AuditPageRequest): Promise<AuditPage> => {
    const found = answers[asked.length];
    asked.push(request);
    return found === undefined ? Promise.reject(new Error('asked too often')) : Promise.resolve(found);
  };
  for await (const found of auditLogPages(getPage, { limit: 2, signal, ...options })) {
    ids.push(found.entries.map(({ fields }) => fields.id));
  }
  expect(asked).toHaveLength(answers.length);
  return { ids, asked };
}

const at = (minute: number): string => `2022-01-01T00:${String(minute).padStart(2, '0')}:00Z`;

describe('a listing', () => {
  test('follows the positions verbatim until the field is absent', async () => {
    const { ids, asked } = await list([page(['c', 'b'], at(2)), page(['a'])], { sortOrder: 'DESC' });
    expect(ids).toEqual([['c', 'b'], ['a']]);
    expect(asked.map(({ startingFrom }) => startingFrom)).toEqual([undefined, at(2)]);
    expect(asked[0]).toMatchObject({ sortOrder: 'DESC', limit: 2, priority: 'bulk' });
    expect(asked[0]).not.toHaveProperty('startingFrom');
  });

  test('leaves out the entry that an inclusive server repeats', async () => {
    const pages = [page(['a', 'b'], at(2)), page(['b', 'c'], at(3)), page(['c'], at(3))];
    const { ids } = await list(pages, { sortOrder: 'ASC' });
    expect(ids).toEqual([['a', 'b'], ['c']]);
  });

  test('ends at a position that does not advance with nothing new', async () => {
    const { ids } = await list([page(['a'], at(1)), page([], at(1))], { sortOrder: 'ASC' });
    expect(ids).toEqual([['a']]);
  });

  test.each([
    ['ASC' as const, at(5), at(4)],
    ['DESC' as const, at(4), at(5)],
  ])('never follows a position that goes backwards (%s)', async (sortOrder, startingFrom, next) => {
    const { ids } = await list([page(['a'], next)], { sortOrder, startingFrom });
    expect(ids).toEqual([['a']]);
  });

  test('follows empty pages that advance, but not past the present', async () => {
    const pages = [
      page(['a'], at(1)),
      page([], at(2)),
      page(['b'], at(3)),
      page([], '2022-01-01T01:00:00.5Z'),
    ];
    const { ids } = await list(pages, { sortOrder: 'ASC' });
    expect(ids).toEqual([['a'], ['b']]);
  });

  test('asks once for more where one moment holds more than a page, and ends if nothing comes', async () => {
    const crowd = page(['a', 'b'], at(1));
    const { ids, asked } = await list([crowd, crowd], { sortOrder: 'ASC', startingFrom: at(1) });
    expect(ids).toEqual([['a', 'b']]);
    expect(asked.map(({ limit }) => limit)).toEqual([2, 16]);
  });

  test('goes on with the usual size when more did come', async () => {
    const pages = [page(['a', 'b'], at(1)), page(['a', 'b', 'c'], at(2)), page(['d'])];
    const { ids, asked } = await list(pages, { sortOrder: 'ASC', startingFrom: at(1) });
    expect(ids).toEqual([['a', 'b'], ['c'], ['d']]);
    expect(asked.map(({ limit }) => limit)).toEqual([2, 16, 2]);
  });

  test('does not run in circles through positions that are no times', async () => {
    const pages = [page(['a'], 'x'), page(['b'], 'y'), page(['c'], 'x')];
    const { ids } = await list(pages, { sortOrder: 'ASC', startingFrom: 'start' });
    expect(ids).toEqual([['a'], ['b'], ['c']]);
  });

  test('of nothing is one empty page', async () => {
    const { ids } = await list([page([])], { sortOrder: 'DESC' });
    expect(ids).toEqual([[]]);
  });
});
