/**
 * What PostgreSQL understands and CockroachDB does not, or does otherwise, as a list of patterns. It is given every statement
 * that the program runs in the tests, since there is no CockroachDB to run them on. Sources: the pages under
 * https://www.cockroachlabs.com/docs/stable/postgresql-compatibility and
 * https://www.cockroachlabs.com/docs/stable/known-limitations.
 */
const forbidden: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/\bpg_(?:try_)?advisory_/i, 'advisory locks always succeed there, or do not exist'],
  [/^\s*(?:LISTEN|NOTIFY|UNLISTEN)\b/i, 'there is no LISTEN and NOTIFY'],
  [/\bpg_notify\s*\(/i, 'there is no LISTEN and NOTIFY'],
  [/\bjsonb\s*\[\s*\]/i, 'there are no arrays of jsonb'],
  [/\b(?:small|big)?serial\b/i, 'SERIAL is not consecutive there'],
  [/\bOVERRIDING\s+SYSTEM\s+VALUE\b/i, 'identity columns can not be overridden'],
  [/\bCREATE\s+DOMAIN\b/i, 'there are no domains'],
  [/\bPARTITION\s+(?:BY\s+(?:RANGE|LIST|HASH)|OF)\b/i, 'declarative partitions do not exist'],
  [/\b(?:int4|int8|num|ts|tstz|date)(?:multi)?range\b/i, 'there are no range types'],
  [/\bEXCLUDE\s+(?:USING|\()/i, 'there are no exclusion constraints'],
  [/\bCREATE\s+(?:UNLOGGED|RULE|EXTENSION)\b/i, 'it does not exist or means nothing'],
  [/\bLOCK\s+TABLE\b/i, 'there are no table locks'],
  [/\bDISCARD\s+(?!ALL\b)\w+/i, 'only DISCARD ALL exists'],
  [/^\s*COPY\b.*\bFREEZE\b/is, 'COPY has no FREEZE'],
  [/^\s*COPY\b.*\bWHERE\b/is, 'COPY has no WHERE'],
  [/\bxmin\b|\bctid\b/i, 'system columns do not exist'],
  [/\bON\s+COMMIT\s+(?:DROP|DELETE\s+ROWS)\b/i, 'temporary tables have only ON COMMIT PRESERVE ROWS'],
];

const dataDefinition =
  /\b(?:CREATE|ALTER|DROP)\s+(?:TEMP(?:ORARY)?\s+)?(?:UNIQUE\s+)?(?:TABLE|INDEX|SCHEMA|VIEW|TYPE|SEQUENCE)\b/gi;

/** Throws when CockroachDB would refuse the statement, or take it and do something else. */
export function assertCockroachCompatible(sql: string): void {
  const bare = withoutLiterals(sql);
  for (const [pattern, reason] of forbidden) {
    if (pattern.test(bare)) throw new Error(`CockroachDB can not run this, because ${reason}: ${sql}`);
  }
  const definitions = bare.match(dataDefinition) ?? [];
  if (definitions.length > 1) {
    throw new Error(`CockroachDB wants one schema change per statement: ${sql}`);
  }
}

/** A hook for one connection after another: also refuses a second schema change inside one transaction. */
export function cockroachTransactionCheck(): (sql: string) => void {
  let isInside = false;
  return (sql) => {
    assertCockroachCompatible(sql);
    if (/^\s*BEGIN\b/i.test(sql)) isInside = true;
    if (/^\s*(?:COMMIT|ROLLBACK)\s*$/i.test(sql)) isInside = false;
    if (isInside && withoutLiterals(sql).search(dataDefinition) >= 0) {
      throw new Error(`CockroachDB has no atomic schema changes inside a transaction: ${sql}`);
    }
  };
}

function withoutLiterals(sql: string): string {
  return sql
    .replaceAll(/'(?:[^']|'')*'/g, "''")
    .replaceAll(/--[^\n]*/g, '')
    .replaceAll(/\/\*[^]*?\*\//g, '');
}
