import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import {
  checkPostgresUrl,
  parsePostgresUrl,
  postgresFingerprint,
  tlsOptions,
} from '../../src/database/postgres-url.ts';

describe('a PostgreSQL URL', () => {
  test.each([
    ['postgres://localhost/audit'],
    ['postgresql://user:pass@127.0.0.1:5433/audit'],
    ['postgres://[::1]/audit'],
    ['postgres:///audit?host=/run/postgresql'],
    ['postgres://user@/audit?host=/run/postgresql'],
    ['postgres://%2Frun%2Fpostgresql/audit'],
    ['postgres://db.example/audit?sslmode=verify-full'],
    ['postgres://db.example/audit?sslmode=disable'],
    ['postgres://db.example/audit?sslmode=require&application_name=x'],
    ['postgres://db.example/audit?sslmode=verify-ca&sslrootcert=/ca.pem'],
  ])('%s can be used', (url) => {
    expect(checkPostgresUrl(url)).toBeUndefined();
  });

  test.each([
    ['postgres://db.example/audit', /must say how the connection is protected; add \?sslmode=verify-full/],
    ['postgres://10.0.0.1/audit', /sslmode/],
    ['postgres://db.example/audit?sslmode=prefer', /sslmode that is not supported/],
    ['postgres://db.example/audit?sslmode=verify-ca', /sslrootcert/],
    ['postgres://db.example/audit?sslmode=require&sslrootcert=system', /verify-full/],
    ['postgres://localhost', /names no database/],
    ['postgres:///audit', /names no host/],
    ['postgres://localhost/audit?colour=red', /not supported: colour/],
    ['postgres://localhost:99999/audit', /cannot be read|port/],
    ['postgres://localhost/audit?port=0', /port/],
    ['mysql://localhost/audit', /does not begin with postgres/],
    ['postgres://user:se%zzcret@localhost/audit', /%25/],
    ['postgres://user:hunter2 @:::/', /cannot be read/],
  ])('%s is refused with what to do, without being repeated', (url, reason) => {
    const problem = checkPostgresUrl(url) ?? '';
    expect(problem).toMatch(reason);
    expect(problem).not.toMatch(/cret|hunter2/);
    expect(() => parsePostgresUrl(url)).toThrow(UsageError);
  });

  test('is decoded', () => {
    const target = parsePostgresUrl('postgres://us%40er:p%2Fw%3A@localhost/my%20db');
    expect(target).toMatchObject({ user: 'us@er', password: 'p/w:', database: 'my db', port: 5432 });
  });

  test.each([
    ['postgres://a:b@LOCALHOST/audit', 'localhost:5432/audit'],
    ['postgres://[::1]:6000/audit', '[::1]:6000/audit'],
    ['postgres:///audit?host=/Run/pg', '/Run/pg:5432/audit'],
  ])('%s has the fingerprint %s', (url, fingerprint) => {
    expect(postgresFingerprint(parsePostgresUrl(url))).toBe(fingerprint);
  });

  test('means for TLS what it means to libpq', () => {
    expect(tls('sslmode=disable')).toBe(false);
    expect(tls('sslmode=require')).toEqual({ rejectUnauthorized: false });
    expect(tls('sslmode=verify-full')).toEqual({ rejectUnauthorized: true });
    const file = encodeURIComponent(import.meta.filename);
    expect(tls(`sslmode=require&sslrootcert=${file}`)).toMatchObject({
      rejectUnauthorized: true,
      ca: expect.any(Buffer),
      checkServerIdentity: expect.any(Function),
    });
    expect(tls(`sslmode=verify-full&sslrootcert=${file}`)).toEqual({
      rejectUnauthorized: true,
      ca: expect.any(Buffer),
    });
    expect(() => tls('sslmode=verify-full&sslrootcert=/no/such/file')).toThrow(
      /\/no\/such\/file.*cannot be read/,
    );
  });
});

function tls(query: string): unknown {
  return tlsOptions(parsePostgresUrl(`postgres://db.example/audit?${query}`));
}
