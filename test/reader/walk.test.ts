import { describe, expect, it } from 'vitest';
import { CloudApiError } from '../../src/cloud-api/cloud-api-error.ts';
import type { AuditPage } from '../../src/cloud-api/audit-page.ts';
import type { PageRead, PageRequest, PageSource } from '../../src/reader/page-source.ts';
import type { WalkedPage } from '../../src/reader/append-group.ts';
import { walk, type WalkPlan, type WalkResult } from '../../src/reader/walk.ts';
import { nanos, parseTimestamp, type Nanos } from '../../src/time.ts';
import { auditEntry, auditPage, entryOfText } from '../helpers/log-pages.ts';
import { rejectionOf } from '../helpers/rejection.ts';

const never = new AbortController().signal;
const clock = '2026-03-01T12:00:00Z';

function at(text: string): Nanos {
  const time = parseTimestamp(text);
  if (time === undefined) throw new TypeError(`${text} is no timestamp`);
  return time;
}

/** A page of entries named by their times, with the API's clock at noon. */
function page(times: readonly string[], next: string | undefined, serverDate = clock): AuditPage {
  const entries = times.map((text, index) => auditEntry({ id: `${text}#${index}`, at: at(text), text }));
  return auditPage(entries, { nextStartingFrom: next, serverDate: at(serverDate) });
}

interface Script extends PageSource {
  readonly requests: PageRequest[];
}

/** Answers in order; more requests than answers are an error of the walk. */
function script(answers: readonly (AuditPage | Error)[], limit = 2): Script {
  const requests: PageRequest[] = [];
  return {
    requests,
    read: async (request): Promise<PageRead> => {
      const answer = answers[requests.length];
      requests.push(request);
      if (answer === undefined) throw new Error(`request ${requests.length} was not expected`);
      if (answer instanceof Error) throw answer;
      return { page: answer, limit: request.limit ?? limit };
    },
  };
}

interface Walked {
  readonly result: WalkResult;
  readonly appended: WalkedPage[];
  readonly asked: (string | undefined)[];
  readonly steppedOver: string[];
}

/** Walks with a ledger that knows `known` and what was appended before. */
async function walked(
  source: Script,
  plan: Partial<WalkPlan> & { readonly known?: readonly string[] } = {},
): Promise<Walked> {
  const appended: WalkedPage[] = [];
  const steppedOver: string[] = [];
  const known = new Set(plan.known);
  const result = await walk(
    source,
    {
      start: undefined,
      end: undefined,
      caughtUpAt: undefined,
      priority: 'tail',
      append: async (read) => {
        appended.push(read);
        const ids = read.entries.map((entry) => entry.key);
        const added = ids.filter((id) => !known.has(id));
        for (const id of ids) known.add(id);
        return added.length;
      },
      onStepOver: async (position) => {
        steppedOver.push(position);
      },
      ...plan,
    },
    { signal: never },
  );
  return { result, appended, asked: source.requests.map(({ startingFrom }) => startingFrom), steppedOver };
}

/** What a ledger knows that holds the entries of these times. */
async function knownEntries(...times: readonly string[]): Promise<{ readonly known: string[] }> {
  const { appended } = await walked(script([page(times, undefined)], times.length + 1));
  return { known: appended.flatMap(({ entries }) => entries.map(({ key }) => key)) };
}

describe('a walk', () => {
  it('follows the next positions verbatim and ends where the field is absent', async () => {
    const first = '2026-03-01T10:00:00.000000001+02:00';
    const { result, asked } = await walked(
      script([page(['2026-03-01T08:00:00Z'], first), page(['2026-03-01T08:30:00Z'], undefined)]),
    );
    expect(asked).toEqual([undefined, first]);
    expect(result).toMatchObject({
      outcome: 'caught_up',
      position: '2026-03-01T08:30:00Z',
      pages: 2,
      added: 2,
    });
  });

  it('goes on after a full page without a next position: there may be more', async () => {
    const { asked, result } = await walked(
      script([page(['2026-03-01T08:00:00Z', '2026-03-01T09:00:00Z'], undefined), page([], undefined)]),
    );
    expect(asked).toEqual([undefined, '2026-03-01T09:00:00Z']);
    expect(result.position).toBe('2026-03-01T09:00:00Z');
  });

  it('ends where a page brings nothing new and does not advance', async () => {
    const start = '2026-03-01T09:00:00Z';
    const { result, asked } = await walked(script([page([], start)]), { start });
    expect(asked).toEqual([start]);
    expect(result).toMatchObject({ outcome: 'caught_up', position: start });
  });

  it('ends where nothing new leads to the API’s clock at the start or later', async () => {
    const { result } = await walked(script([page([], clock)]), { start: '2026-03-01T09:00:00Z' });
    expect(result).toMatchObject({ outcome: 'caught_up', position: clock, pages: 1 });
  });

  it('measures "later" by the clock at its start, so that a server that always says now can’t hold it', async () => {
    const { result } = await walked(
      script([
        page(['2026-03-01T11:00:00Z'], '2026-03-01T11:00:00Z'),
        page([], '2026-03-01T12:00:01Z', '2026-03-01T12:00:01Z'),
      ]),
    );
    expect(result).toMatchObject({ outcome: 'caught_up', startedAt: at(clock), pages: 2 });
  });

  it('does not follow the present where the API’s clock is ahead of its positions', async () => {
    const nows = ['11:50:00Z', '11:50:00.1Z', '11:50:00.2Z', '11:50:00.3Z'].map(
      (time) => `2026-03-01T${time}`,
    );
    const { result, asked } = await walked(script(nows.map((now) => page([], now))), {
      start: '2026-03-01T11:40:00Z',
    });
    expect(result).toMatchObject({ outcome: 'caught_up', position: nows.at(-1) });
    expect(asked).toHaveLength(4);
  });

  it('follows empty pages near the present that lead further than time goes by', async () => {
    const nexts = ['11:45', '11:46', '11:47', '11:48', '11:49'].map((time) => `2026-03-01T${time}:00Z`);
    const { result } = await walked(
      script([...nexts.map((next) => page([], next)), page(['2026-03-01T11:49:30Z'], undefined)]),
      { start: '2026-03-01T11:40:00Z' },
    );
    expect(result.added).toBe(1);
  });

  it('follows empty pages whose next position lies before the API’s clock', async () => {
    const { asked, result } = await walked(
      script([page([], '2026-03-01T08:00:00Z'), page(['2026-03-01T08:00:01Z'], undefined)]),
    );
    expect(asked).toEqual([undefined, '2026-03-01T08:00:00Z']);
    expect(result.added).toBe(1);
  });

  it('follows pages of nothing but known entries', async () => {
    const known = ['2026-03-01T08:00:00Z', '2026-03-01T08:00:01Z'];
    const first = await walked(script([page(known, undefined), page([], undefined)]));
    const keys = first.appended.flatMap(({ entries }) => entries.map(({ key }) => key));
    const { result } = await walked(
      script([page(known, known[1]), page(['2026-03-01T09:00:00Z'], undefined)]),
      { known: keys },
    );
    expect(result.added).toBe(1);
  });

  it('follows full pages of known entries that lie ahead of the API’s clock', async () => {
    const ahead = ['2026-03-01T13:00:00Z', '2026-03-01T13:00:01Z'];
    const first = await walked(script([page(ahead, undefined), page([], undefined)]));
    const keys = first.appended.flatMap(({ entries }) => entries.map(({ key }) => key));
    const { result } = await walked(
      script([page(ahead, ahead[1]), page(['2026-03-01T14:00:00Z'], undefined)]),
      {
        known: keys,
      },
    );
    expect(result.added).toBe(1);
  });

  it('ends at the end of its stretch', async () => {
    const { result } = await walked(script([page(['2026-03-01T08:00:00Z'], '2026-03-01T09:00:00Z')]), {
      end: at('2026-03-01T09:00:00Z'),
    });
    expect(result).toMatchObject({ outcome: 'end', position: '2026-03-01T09:00:00Z', pages: 1 });
  });

  it('takes the last entry’s time where the position does not advance, or goes backward', async () => {
    const { asked } = await walked(
      script([
        page(['2026-03-01T08:00:00Z', '2026-03-01T08:10:00Z'], '2026-03-01T07:00:00Z'),
        page(['2026-03-01T08:20:00Z', '2026-03-01T08:30:00Z'], '2026-03-01T07:30:00Z'),
        page([], undefined),
      ]),
      { start: '2026-03-01T07:30:00Z' },
    );
    expect(asked).toEqual(['2026-03-01T07:30:00Z', '2026-03-01T08:10:00Z', '2026-03-01T08:30:00Z']);
  });

  it('asks once with a larger limit where a full page does not advance, and goes on with what it brings', async () => {
    const tie = '2026-03-01T08:00:00Z';
    const source = script([
      page([tie, tie], tie),
      page([tie, tie, '2026-03-01T08:00:01Z'], '2026-03-01T08:00:01Z'),
      page(['2026-03-01T08:00:01Z'], undefined),
    ]);
    const { steppedOver } = await walked(source, { start: tie });
    expect(source.requests.map(({ limit }) => limit)).toEqual([undefined, 4, undefined]);
    expect(steppedOver).toEqual([]);
  });

  it('steps over a timestamp that no page gets past, and says so', async () => {
    const tie = '2026-03-01T08:00:00Z';
    const { asked, steppedOver, result } = await walked(
      script([page([tie, tie], tie), page([tie, tie], tie), page(['2026-03-01T08:00:01Z'], undefined)]),
      { start: tie },
    );
    expect(asked).toEqual([tie, tie, '2026-03-01T08:00:00.000001Z']);
    expect(steppedOver).toEqual([tie]);
    expect(result.added).toBe(3);
  });

  it('is caught up at a timestamp with nothing beyond', async () => {
    const tie = '2026-03-01T08:00:00Z';
    const { result, steppedOver } = await walked(
      script([
        page([tie, tie], tie),
        page([tie, tie], tie),
        page([], '2026-03-01T08:00:00.000001Z'),
        page([tie, tie], tie),
        page([tie, tie], tie),
        page([], '2026-03-01T08:00:00.000001Z'),
      ]),
      { start: tie },
    );
    expect(result).toMatchObject({ outcome: 'caught_up', position: tie });
    expect(steppedOver).toEqual([]);
  });

  it('does not go past entries with a position in the future after a full page', async () => {
    const { asked } = await walked(
      script([
        page(['2026-03-01T08:00:00Z', '2026-03-01T08:00:01Z'], '2026-03-02T12:00:00Z'),
        page(['2026-03-01T08:00:02Z'], '2026-03-02T12:00:00Z'),
        page([], '2026-03-02T12:00:00Z'),
      ]),
    );
    expect(asked.slice(0, 2)).toEqual([undefined, '2026-03-01T08:00:01Z']);
  });

  it.each(['tomorrow', '2026-02-30T00:00:00Z', '1772366400', '2026-03-01 08:00:00'])(
    'moves nothing for a next position that is no timestamp: %s',
    async (next) => {
      const appended: WalkedPage[] = [];
      const plan: WalkPlan = {
        start: undefined,
        end: undefined,
        caughtUpAt: undefined,
        priority: 'tail',
        append: async (read) => appended.push(read),
        onStepOver: async () => undefined,
      };
      const error = await rejectionOf(
        walk(script([page(['2026-03-01T08:00:00Z'], next)]), plan, { signal: never }),
      );
      expect(error).toMatchObject({ kind: 'source', code: 'response_unusable', retryable: true });
      expect(error.message).toContain('Nothing was moved');
      expect(appended).toEqual([]);
    },
  );

  it('appends nothing of a page that failed, and rejects with its reason', async () => {
    const failure = new CloudApiError('refused', { code: 'key_refused', retryable: false, status: 401 });
    const appended: WalkedPage[] = [];
    const error = await rejectionOf(
      walked(
        script([page(['2026-03-01T08:00:00Z', '2026-03-01T08:00:01Z'], '2026-03-01T08:00:01Z'), failure]),
        {
          append: async (read) => appended.push(read),
        },
      ),
    );
    expect(error).toBe(failure);
    expect(appended).toHaveLength(1);
    expect(appended[0]?.checkpoint).toBe('2026-03-01T08:00:01Z');
  });

  it('compares times as integers: fractions of any width and offsets', async () => {
    const { asked, result } = await walked(
      script([
        page(['2026-03-01T08:00:02Z', '2026-03-01T08:00:02.5Z'], '2026-03-01T08:00:02.5Z'),
        page(
          ['2026-03-01T10:00:02.500001+02:00', '2026-03-01T08:00:02.500002000Z'],
          '2026-03-01T08:00:02.500002Z',
        ),
        page([], '2026-03-01T08:00:02.500002Z'),
      ]),
      { start: '2026-03-01T08:00:01.999999999Z' },
    );
    expect(asked).toHaveLength(3);
    expect(result.position).toBe('2026-03-01T08:00:02.500002Z');
  });

  it('gives entries without a usable time the position of their page', async () => {
    const timeless = entryOfText('{"id":"a"}');
    const strange = entryOfText('{"id":"b","created_at":7}');
    const { appended } = await walked(script([auditPage([timeless, strange], {}), auditPage([])]), {
      start: '2026-03-01T08:00:00Z',
    });
    const times = appended[0]?.entries.map(({ createdAt, hasOwnTime }) => [createdAt, hasOwnTime]);
    expect(times).toEqual([
      [at('2026-03-01T08:00:00Z'), false],
      [at('2026-03-01T08:00:00Z'), false],
    ]);
  });

  it('is one request where it leads to the place the last one was caught up at', async () => {
    const newest = '2026-03-01T08:00:00Z';
    const { known } = await knownEntries(newest);
    const { result } = await walked(script([page([newest], newest)]), {
      start: '2026-03-01T07:44:59.999999Z',
      caughtUpAt: at(newest),
      known,
    });
    expect(result).toMatchObject({ outcome: 'known_end', pages: 1, position: newest });
  });

  it('is one request where its last entry is at that place and the position is coarser', async () => {
    const newest = '2026-03-01T08:00:00.5Z';
    const { known } = await knownEntries(newest);
    const { result } = await walked(script([page([newest], '2026-03-01T08:00:00Z')]), {
      start: '2026-03-01T07:45:00.499999Z',
      caughtUpAt: at(newest),
      known,
    });
    expect(result).toMatchObject({ outcome: 'known_end', pages: 1, position: newest });
  });

  it('follows a position that leads beyond that place', async () => {
    const newest = '2026-03-01T08:00:00Z';
    const { known } = await knownEntries(newest);
    const { asked } = await walked(
      script([page([newest], '2026-03-01T09:00:00Z'), page(['2026-03-01T10:00:00Z'], undefined)]),
      { start: '2026-03-01T07:45:00Z', caughtUpAt: at(newest), known },
    );
    expect(asked).toEqual(['2026-03-01T07:45:00Z', '2026-03-01T09:00:00Z']);
  });

  it('does not step over the place it starts at where an earlier one was caught up there', async () => {
    const newest = '2026-03-01T08:00:00Z';
    const { known } = await knownEntries(newest);
    const { result, asked } = await walked(script([page([newest], newest)]), {
      start: newest,
      caughtUpAt: at(newest),
      known,
    });
    expect(asked).toEqual([newest]);
    expect(result).toMatchObject({ outcome: 'known_end', position: newest });
  });

  it('asks for more than a full page of that very place holds', async () => {
    const tie = '2026-03-01T08:00:00Z';
    const { known } = await knownEntries(tie, tie);
    const source = script([
      page([tie, tie], tie),
      page([tie, tie, '2026-03-01T08:00:01Z'], '2026-03-01T08:00:01Z'),
      page([], undefined),
    ]);
    const { result } = await walked(source, { start: tie, caughtUpAt: at(tie), known });
    expect(source.requests.map(({ limit }) => limit)).toEqual([undefined, 4, undefined]);
    expect(result).toMatchObject({ outcome: 'caught_up', added: 1 });
  });

  it('fetches the next page while a full one is appended, and only forward', async () => {
    const source = script([
      page(['2026-03-01T08:00:00Z', '2026-03-01T08:00:01Z'], '2026-03-01T08:00:01Z'),
      page([], undefined),
    ]);
    const asked: number[] = [];
    await walked(source, {
      append: async () => {
        asked.push(source.requests.length);
        return 1;
      },
    });
    expect(asked).toEqual([2, 2]);
  });

  it('drops the page it fetched ahead where appending fails', async () => {
    const source = script([
      page(['2026-03-01T08:00:00Z', '2026-03-01T08:00:01Z'], '2026-03-01T08:00:01Z'),
      new Error('aborted'),
    ]);
    const failure = new Error('the store is gone');
    const error = await rejectionOf(walked(source, { append: () => Promise.reject(failure) }));
    expect(error).toBe(failure);
    expect(source.requests[1]?.signal.aborted).toBe(true);
  });

  it('asks for nothing once it is told to stop', async () => {
    const stopped = AbortSignal.abort(new Error('stopped'));
    const source = script([]);
    const plan: WalkPlan = {
      start: undefined,
      end: nanos(0n),
      caughtUpAt: undefined,
      priority: 'bulk',
      append: async () => 0,
      onStepOver: async () => undefined,
    };
    const error = await rejectionOf(walk(source, plan, { signal: stopped }));
    expect(error.message).toBe('stopped');
    expect(source.requests).toEqual([]);
  });
});
