import type {
  Database,
  Queryable,
  QueryOptions,
  QueryResult,
  Row,
  SqlParameter,
} from '../database/database.ts';

/**
 * The same database with `ledger.` in every statement replaced by the configured schema's quoted name. Statements stay
 * readable constants beside their callers, and no connection setting is needed that a pooler might drop.
 */
export function withSchema(database: Database, schema: string): Database {
  const quoted = `"${schema.replaceAll('"', '""')}"`;
  const known = new Map<string, string>();
  const place = (sql: string): string => {
    let placed = known.get(sql);
    if (placed === undefined) {
      // Functions, since a dollar sign in a replacement text has a meaning.
      placed = sql.replace(/\bledger\.(?=\w)/g, () => `${quoted}.`).replace(/\bledger\.$/, () => quoted);
      known.set(sql, placed);
    }
    return placed;
  };
  const bind = (queryable: Queryable): Queryable => ({
    query: <R extends object = Row>(
      sql: string,
      parameters?: readonly SqlParameter[],
    ): Promise<QueryResult<R>> => queryable.query<R>(place(sql), parameters),
    copyIn: (sql, data) => queryable.copyIn(place(sql), data),
  });
  return {
    ...bind(database),
    kind: database.kind,
    fingerprint: database.fingerprint,
    ...(database.maintain === undefined ? {} : { maintain: database.maintain }),
    transaction: <T>(body: (transaction: Queryable) => Promise<T>, options?: QueryOptions): Promise<T> =>
      database.transaction((transaction) => body(bind(transaction)), options),
    close: () => database.close(),
  };
}
