import { expect, it, onTestFinished } from 'vitest';
import { ExporterError } from '../../../src/errors.ts';
import { silentLogger } from '../../../src/logger.ts';
import { startServer } from '../../../src/server/server.ts';
import { pageFindings } from './pages.ts';

const secret = 'planted-where-a-page-tells-it';

async function servedWith(metrics: string): Promise<number> {
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    metrics: { contentType: 'text/plain', scrape: () => Promise.resolve(metrics) },
    readiness: () => Promise.resolve({ isReady: true, reasons: [] }),
    status: () => Promise.reject(new ExporterError('It is away.', { kind: 'store', code: 'away' })),
    logger: silentLogger,
  });
  onTestFinished(() => server.close());
  return server.port;
}

it('finds a secret that a page tells, and a page that is not itself', async () => {
  const silent = await servedWith('ccloud_audit_build_info 1\n');
  expect(await pageFindings(silent, [secret])).toEqual([]);
  const talkative = await servedWith(`ccloud_audit_build_info{url="${secret}"} 1\n`);
  expect(await pageFindings(talkative, [secret])).toEqual([`/metrics tells secrets: ${secret}`]);
  const empty = await servedWith('');
  expect(await pageFindings(empty, [secret])).toEqual(['/metrics answered 200: ']);
});
