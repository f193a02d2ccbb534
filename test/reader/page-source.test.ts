import { describe, expect, it } from 'vitest';
import type { AuditSource } from '../../src/cloud-api/audit-page.ts';
import { CloudApiError, type CloudApiErrorCode } from '../../src/cloud-api/cloud-api-error.ts';
import { silentLogger } from '../../src/logger.ts';
import { createPageSource, type PageSource } from '../../src/reader/page-source.ts';
import { auditPage } from '../helpers/log-pages.ts';
import { rejectionOf } from '../helpers/rejection.ts';

const signal = new AbortController().signal;
const request = { startingFrom: undefined, priority: 'tail', signal } as const;

/** A source that answers every limit as `answer` says: undefined is a page. */
function sourceOf(answer: (limit: number) => CloudApiErrorCode | undefined): {
  readonly pages: PageSource;
  readonly limits: number[];
} {
  const limits: number[] = [];
  const source: AuditSource = {
    auditLogPage: async ({ limit }) => {
      limits.push(limit);
      const code = answer(limit);
      if (code === undefined) return auditPage([]);
      const status = code === 'request_refused' ? 400 : undefined;
      throw new CloudApiError(code, { code, status, retryable: false });
    },
    organization: async () => undefined,
    close: async () => undefined,
  };
  return { pages: createPageSource({ source, pageSize: 1000, logger: silentLogger }), limits };
}

describe('the page size', () => {
  it.each(['timed_out', 'response_too_large'] as const)(
    'is halved by %s until a page comes',
    async (code) => {
      const { pages, limits } = sourceOf((limit) => (limit > 100 ? code : undefined));
      expect((await pages.read(request)).limit).toBe(63);
      expect(limits).toEqual([1000, 500, 250, 125, 63]);
    },
  );

  it('goes down to one, and then the failure is told', async () => {
    const { pages, limits } = sourceOf(() => 'response_too_large');
    expect(await rejectionOf(pages.read(request))).toMatchObject({ code: 'response_too_large' });
    expect(limits.at(-1)).toBe(1);
  });

  it('grows back to the full size', async () => {
    let isSlow = true;
    const { pages, limits } = sourceOf((limit) => (isSlow && limit > 250 ? 'timed_out' : undefined));
    await pages.read(request);
    isSlow = false;
    for (let page = 0; page < 20; page += 1) await pages.read(request);
    expect(limits.at(-1)).toBe(1000);
  });

  it('is tried ever more seldom while the larger one goes on failing', async () => {
    const { pages, limits } = sourceOf((limit) => (limit > 500 ? 'timed_out' : undefined));
    for (let page = 0; page < 200; page += 1) await pages.read(request);
    expect(limits.filter((limit) => limit > 500).length).toBeLessThan(12);
  });

  it('falls to what every version takes where the API refuses it, for good', async () => {
    const { pages, limits } = sourceOf((limit) => (limit > 200 ? 'request_refused' : undefined));
    for (let page = 0; page < 70; page += 1) await pages.read(request);
    expect(limits.filter((limit) => limit > 200)).toEqual([1000]);
    expect(limits.at(-1)).toBe(200);
  });

  it('stays where only the larger limit for one group is refused', async () => {
    const { pages, limits } = sourceOf((limit) => (limit > 1000 ? 'request_refused' : undefined));
    expect((await pages.read({ ...request, limit: 2200 })).limit).toBe(1000);
    await pages.read(request);
    expect(limits).toEqual([2200, 1000, 1000]);
  });

  it.each(['key_refused', 'role_missing', 'not_found', 'unreachable', 'server_failed'] as const)(
    'has nothing to do with %s',
    async (code) => {
      const { pages, limits } = sourceOf(() => code);
      expect(await rejectionOf(pages.read(request))).toMatchObject({ code });
      expect(limits).toEqual([1000]);
    },
  );
});
