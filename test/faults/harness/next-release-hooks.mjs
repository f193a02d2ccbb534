/** Puts one migration behind those that the built program has, as its module is loaded. */
let compatibleFrom = 1;

const statements = [
  'CREATE TABLE IF NOT EXISTS ledger.next_release (name text PRIMARY KEY)',
  'ALTER TABLE ledger.organizations ADD COLUMN IF NOT EXISTS next_release int8',
  'ALTER TABLE ledger.deliveries ADD COLUMN IF NOT EXISTS next_release int8',
];

export function initialize(data) {
  compatibleFrom = data.compatibleFrom;
}

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (!url.endsWith('/dist/src/ledger/migrations.js')) return loaded;
  const migration = `{ version: migrations.at(-1).version + 1, compatibleFrom: ${compatibleFrom}, statements: ${JSON.stringify(statements)} }`;
  const version = 'export const schemaVersion =';
  const [before, after, ...rest] = String(loaded.source).split(version);
  if (after === undefined || rest.length > 0) throw new Error('the migrations are not written as they were');
  return { ...loaded, source: `${before}migrations.push(${migration});\n${version}${after}` };
}
