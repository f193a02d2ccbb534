import { once } from 'node:events';
import { Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Database } from '../../src/database/database.ts';
import { openPostgres, type PostgresOptions } from '../../src/database/postgres.ts';
import { failureOf } from '../contracts/database-contract.ts';
import { freePort, startPostgresServer, type PostgresServer } from '../helpers/postgres-server.ts';
import { StatementFaults } from '../helpers/statement-faults.ts';
import { startDismissingServer } from '../helpers/dismissing-server.ts';
import { startTcpProxy, type TcpProxy } from '../helpers/tcp-proxy.ts';

describe('a PostgreSQL database', () => {
  const opened: { close(): Promise<void> }[] = [];
  let server: PostgresServer;

  beforeAll(async () => {
    server = await startPostgresServer();
  });
  afterEach(async () => {
    for (const thing of opened.splice(0).toReversed()) await thing.close();
  });
  afterAll(() => server.stop());

  async function open(options: Partial<PostgresOptions> = {}): Promise<Database> {
    const settings = { url: server.url, applicationName: 'test', connectTimeoutMs: 5000, ...options };
    const database = await openPostgres(settings);
    opened.push(database);
    return database;
  }

  async function openProxy(): Promise<{ proxy: TcpProxy; url: string }> {
    const proxy = await startTcpProxy(server.port);
    opened.push(proxy);
    return { proxy, url: `postgres://postgres@127.0.0.1:${proxy.port}/postgres` };
  }

  test('is named by host, port and database, and says its application name', async () => {
    const database = await open({ applicationName: 'ledger test' });
    expect(database.kind).toBe('postgresql');
    expect(database.fingerprint).toBe(`127.0.0.1:${server.port}/postgres`);
    const { rows } = await database.query(
      'SELECT application_name AS name FROM pg_stat_activity WHERE pid = pg_backend_pid()',
    );
    expect(rows).toEqual([{ name: 'ledger test' }]);
  });

  test('is reached through a Unix socket, too', async () => {
    const url = `postgres://postgres@/postgres?host=${encodeURIComponent(server.socketDirectory)}&port=${server.port}`;
    const database = await open({ url });
    expect(database.fingerprint).toBe(`${server.socketDirectory}:${server.port}/postgres`);
    expect((await database.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  test('that is not there is unreachable, and the message says where', async () => {
    const port = await freePort();
    const error = await failureOf(open({ url: `postgres://someone:pass-word@127.0.0.1:${port}/audit` }));
    expect(error).toMatchObject({ kind: 'store', code: 'unreachable', retryable: true });
    expect(error.message).toContain(`127.0.0.1:${port}/audit`);
    expect(error.message).not.toContain('pass-word');
  });

  test('that takes connections and says nothing is unreachable after the time to connect', async () => {
    const { proxy, url } = await openProxy();
    proxy.blackhole();
    const error = await failureOf(open({ url, connectTimeoutMs: 200 }));
    expect(error).toMatchObject({ code: 'unreachable', retryable: true });
  });

  test('that greets and dismisses in one packet is unreachable, and does not end the process', async () => {
    const dismissing = await startDismissingServer();
    opened.push(dismissing);
    const url = `postgres://postgres@127.0.0.1:${dismissing.port}/postgres`;
    const failure = await failureOf(open({ url }));
    expect(failure).toMatchObject({ code: 'unreachable', retryable: true });
  });

  test('stops connecting when the signal aborts', async () => {
    const { proxy, url } = await openProxy();
    proxy.blackhole();
    const controller = new AbortController();
    const failure = failureOf(open({ url, signal: controller.signal, connectTimeoutMs: 2000 }));
    await vi.waitFor(() => expect(proxy.connections).toBe(1));
    controller.abort(new Error('enough'));
    expect((await failure).message).toBe('enough');
  });

  test('names a database that does not exist and a user that may not', async () => {
    const missing = await failureOf(open({ url: server.url.replace(/postgres$/, 'nowhere') }));
    expect(missing).toMatchObject({ code: 'database_missing', sqlState: '3D000', retryable: false });
    const asStranger = new URL(server.url);
    asStranger.username = 'stranger';
    const stranger = await failureOf(open({ url: asStranger.href }));
    expect(stranger).toMatchObject({ code: 'denied', sqlState: '28000', retryable: false });
    const tls = await failureOf(open({ url: `${server.url}?sslmode=require` }));
    expect(tls).toMatchObject({ code: 'tls_failed', retryable: false });
  });

  test('that answers with nothing is given up after the time for an answer, and the next statement works', async () => {
    const { proxy, url } = await openProxy();
    const database = await open({ url, answerTimeoutMs: 300, poolMax: 1 });
    proxy.blackhole();
    const error = await failureOf(database.query('SELECT 1'));
    expect(error).toMatchObject({ code: 'connection_lost', retryable: true });
    expect(error.message).toContain('did not answer in time');
    proxy.restore();
    expect((await database.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  test('that goes silent during a COPY is given up, too', async () => {
    const { proxy, url } = await openProxy();
    const database = await open({ url, answerTimeoutMs: 300, poolMax: 1 });
    await database.query('CREATE TABLE silent (id bigint)');
    proxy.onClientData = (data) => {
      if (data.includes('COPY silent')) proxy.blackhole();
    };
    const error = await failureOf(database.copyIn('COPY silent (id) FROM STDIN', Buffer.from('1\n')));
    expect(error).toMatchObject({ code: 'connection_lost' });
    proxy.restore();
    expect((await database.query('SELECT id FROM silent')).rows).toEqual([]);
  });

  test('whose connection is cut during a COPY rejects it, writes nothing and goes on', async () => {
    const { proxy, url } = await openProxy();
    const database = await open({ url, poolMax: 1 });
    await database.query('CREATE TABLE severed (id bigint, words text)');
    let carried = 0;
    proxy.onClientData = (data) => {
      carried += data.length;
      if (carried > 1_000_000) proxy.cut();
    };
    const line = `1\t${'x'.repeat(1000)}\n`;
    const error = await failureOf(
      database.copyIn('COPY severed (id, words) FROM STDIN', Buffer.from(line.repeat(20_000))),
    );
    expect(error).toMatchObject({ code: 'connection_lost', retryable: true });
    proxy.onClientData = undefined;
    expect((await database.query('SELECT count(*) AS n FROM severed')).rows).toEqual([{ n: '0' }]);
  });

  test('whose connection is cut while COMMIT is on its way does not know what became of it', async () => {
    const { proxy, url } = await openProxy();
    const database = await open({ url, poolMax: 1 });
    await database.query('CREATE TABLE unsure (id bigint)');
    proxy.onClientData = (data) => {
      if (data.includes('COMMIT\0')) proxy.cut();
    };
    const error = await failureOf(
      database.transaction((transaction) => transaction.query('INSERT INTO unsure VALUES (1)')),
    );
    expect(error).toMatchObject({ code: 'commit_unknown' });
  });

  test('whose connection breaks between two statements of a transaction rejects and does not end the process', async () => {
    const { proxy, url } = await openProxy();
    const database = await open({ url, poolMax: 1 });
    const error = await failureOf(
      database.transaction(async (transaction) => {
        await transaction.query('SELECT 1');
        proxy.cut();
        await vi.waitFor(() => expect(proxy.connections).toBe(0));
        await transaction.query('SELECT 2');
      }),
    );
    expect(error).toMatchObject({ code: 'connection_lost' });
    expect((await database.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  test('outlives the restart and the death of its server', async () => {
    const database = await open();
    await database.query('CREATE TABLE lasting (id bigint)');
    await Promise.all([1, 2, 3].map((id) => database.query('INSERT INTO lasting VALUES ($1)', [id])));
    await server.restart('fast');
    await vi.waitFor(async () => {
      expect((await database.query('SELECT count(*) AS n FROM lasting')).rows).toEqual([{ n: '3' }]);
    });
    const sleeping = failureOf(database.query('SELECT pg_sleep(60)'));
    const watcher = await open({ applicationName: 'watcher' });
    await vi.waitFor(async () => {
      const sql =
        "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'";
      expect((await watcher.query(sql)).rows).toEqual([{ n: '1' }]);
    });
    await server.kill();
    expect(await sleeping).toMatchObject({ code: 'connection_lost', retryable: true });
    await vi.waitFor(async () => {
      expect(await failureOf(database.query('SELECT 1'))).toMatchObject({ code: 'unreachable' });
    });
    await server.restart();
    await vi.waitFor(async () => {
      expect((await database.query('SELECT count(*) AS n FROM lasting')).rows).toEqual([{ n: '3' }]);
    });
  });

  test('waits for a connection in order, and no longer than the signal lets it', async () => {
    const database = await open({ poolMax: 1 });
    const controller = new AbortController();
    let finish: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const first = database.transaction(() => gate);
    const second = database.transaction(() => Promise.reject(new Error('was run')), {
      signal: controller.signal,
    });
    const third = database.query('SELECT 3 AS three');
    controller.abort(new Error('no more waiting'));
    await expect(second).rejects.toThrow('no more waiting');
    finish?.();
    await first;
    expect((await third).rows).toEqual([{ three: 3 }]);
  });

  test('starts again after a real deadlock', async () => {
    const database = await open();
    await database.query('CREATE TABLE locks (id bigint PRIMARY KEY, n bigint)');
    await database.query('INSERT INTO locks VALUES (1, 0), (2, 0)');
    const add = (ids: readonly number[]): Promise<void> =>
      database.transaction(async (transaction) => {
        for (const id of ids) await transaction.query('UPDATE locks SET n = n + 1 WHERE id = $1', [id]);
      });
    await Promise.all([add([1, 2]), add([2, 1]), add([1, 2]), add([2, 1])]);
    const { rows } = await database.query('SELECT n FROM locks ORDER BY id');
    expect(rows).toEqual([{ n: '4' }, { n: '4' }]);
  });

  test('is not asked again for a statement that the server ended for its length', async () => {
    const database = await open({ statementTimeoutMs: 50 });
    const error = await failureOf(database.query('SELECT pg_sleep(30)'));
    expect(error).toMatchObject({ code: 'statement_failed', sqlState: '57014', retryable: true });
  });

  test('gives up its locks where its process stops in the middle of a transaction', async () => {
    const stopped = await open({ idleInTransactionTimeoutMs: 200 });
    const other = await open();
    await other.query('CREATE TABLE held (n bigint)');
    await other.query('INSERT INTO held VALUES (0)');
    const first = stopped.transaction(async (transaction) => {
      await transaction.query('UPDATE held SET n = 1');
      // It gets the row although the first one never said that it is done.
      await other.query('UPDATE held SET n = n + 10');
      await transaction.query('UPDATE held SET n = 2');
    });
    expect(await failureOf(first)).toMatchObject({ code: 'connection_lost', retryable: true });
    expect((await other.query('SELECT n FROM held')).rows).toEqual([{ n: '10' }]);
  });

  test('ends the COPY of a process that stopped while it sent its rows', async () => {
    const other = await open({ answerTimeoutMs: 500 });
    await other.query('CREATE TABLE copied (n bigint)');
    await other.query('INSERT INTO copied VALUES (0)');
    const stopped = new Client({ connectionString: server.url, application_name: 'test' });
    const lost = once(stopped, 'error');
    await stopped.connect();
    await stopped.query('BEGIN');
    await stopped.query('UPDATE copied SET n = 1');
    stopped.query(copyFrom('COPY copied FROM STDIN')).on('error', () => undefined);
    const update = (): Promise<unknown> => other.query('UPDATE copied SET n = 2');
    await vi.waitFor(async () => {
      const sql = `SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY copied%' AND wait_event = 'ClientRead'`;
      expect((await other.query(sql)).rows).toHaveLength(1);
    });
    expect(await failureOf(update())).toMatchObject({ code: 'connection_lost' });
    await vi.waitFor(update, { timeout: 10_000 });
    await lost;
  });

  test('calls a standby read only and looks for another connection', async () => {
    const faults = new StatementFaults();
    const database = await open({ poolMax: 1, onStatement: faults.onStatement });
    const pid = 'SELECT pg_backend_pid() AS pid';
    const before = (await database.query(pid)).rows[0];
    faults.failBefore(/^SELECT 1/, '25006');
    expect(await failureOf(database.query('SELECT 1'))).toMatchObject({ code: 'read_only', retryable: true });
    expect((await database.query(pid)).rows[0]).not.toEqual(before);
  });
});
