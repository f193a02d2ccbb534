/**
 * Loading in one direction: file → variables → environment and flags over it → secret files → schema and the checks
 * between keys. Every stage goes on after a complaint, so that one run shows them all.
 */
import { UsageError } from '../src/errors.ts';
import type { Config, OrganizationConfig } from './config.ts';
import { crossChecks, isGroup } from './cross-checks.ts';
import { configInvalid, firstPerPlace, formatPath, nearest, type KeyPath, type Problem } from './problem.ts';
import { jsonSchema, readDocument, type JsonSchema, type SchemaIssue } from './schema.ts';
import type { SecretSource } from './secret.ts';
import { readSecretFiles } from './secret-files.ts';
import { expandVariables, type Environment } from './variables.ts';
import { readYamlFile } from './yaml.ts';

export interface LoadOptions {
  /** The file of `--config`; it wins over `CCLOUD_AUDIT_CONFIG`. */
  readonly path?: string | undefined;
  readonly env: Environment;
  /** Flags that stand for a key; they win over everything. */
  readonly flags?: { readonly logLevel?: string | undefined };
  /** Whether the work needs an API key. False for commands that only look at the store or an archive. */
  readonly needsKey?: boolean;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; undefined: none, everything came from the environment. */
  readonly file: string | undefined;
  /**
   * Set where only a key is known: the organization still has to be asked for its name. See `withOrganization`.
   * `config.organizations` is empty then.
   */
  readonly implicitKey: SecretSource | undefined;
  /** What nobody configured, so that a command can say what it uses instead. */
  readonly defaulted: { readonly store: boolean; readonly sinks: boolean };
}

/** Stands in for an organization whose name is not known yet; only a complaint about another name ever shows it. */
const implicitName = 'the-organization-of-cockroach-api-key';

export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const { env } = options;
  const file = options.path ?? (env['CCLOUD_AUDIT_CONFIG'] || undefined);
  const written: unknown = file === undefined ? {} : ((await readYamlFile(file)) ?? {});
  const expanded = expandVariables(written, env);
  const overridden = override(expanded.value, options);
  const filled = await readSecretFiles(overridden.document);
  const result = readDocument(filled.document);
  const issues = 'issues' in result ? result.issues : [];
  const problems = firstPerPlace([
    ...expanded.problems,
    ...filled.problems,
    ...issues
      .filter((issue) => !isAnswered(issue.path, filled.problems))
      .map((issue) => describeIssue(issue, filled.document)),
    ...crossChecks(filled.document),
  ]);
  if (problems.length > 0 || !('config' in result)) {
    throw configInvalid(problems, { file, names: overridden.names });
  }
  if (overridden.isKeyMissing && options.needsKey !== false) throw keyMissing(file);
  const [only] = result.config.organizations;
  const implicitKey = overridden.isImplicit ? only?.apiKey : undefined;
  return {
    config: implicitKey === undefined ? result.config : { ...result.config, organizations: [] },
    file,
    implicitKey,
    defaulted: { store: !has(written, 'store'), sinks: !has(written, 'sinks') },
  };
}

/** The configuration with the one organization that `implicitKey` belongs to, once its name is known. */
export function withOrganization(loaded: LoadedConfig, name: string): Config {
  if (loaded.implicitKey === undefined) return loaded.config;
  const organization: OrganizationConfig = { name, apiKey: loaded.implicitKey, startFrom: undefined };
  return { ...loaded.config, organizations: [organization] };
}

/** A name of the allowed form out of the name that the API gives an organization. */
export function organizationNameFrom(text: string): string {
  const name = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return name === '' ? 'organization' : name;
}

interface Overridden {
  readonly document: unknown;
  /** What to call the places whose values did not come from the file. */
  readonly names: ReadonlyMap<string, string>;
  readonly isImplicit: boolean;
  readonly isKeyMissing: boolean;
}

/** Flags over environment over file. */
function override(document: unknown, { env, flags }: LoadOptions): Overridden {
  const names = new Map<string, string>();
  if (!isGroup(document)) return { document, names, isImplicit: false, isKeyMissing: false };
  const result: Record<string, unknown> = { ...document };
  const set = (section: string, key: string, value: string | undefined, source: string): void => {
    if (value === undefined || value === '') return;
    const group = result[section] ?? {};
    // `server: off` stays off; anything else of a wrong form is for the schema to complain about.
    if (!isGroup(group)) return;
    result[section] = { ...group, [key]: value };
    names.set(`${section}.${key}`, source);
  };
  set('api', 'url', env['COCKROACH_SERVER'], 'COCKROACH_SERVER');
  set('server', 'host', env['CCLOUD_AUDIT_SERVER_HOST'], 'CCLOUD_AUDIT_SERVER_HOST');
  set('server', 'port', env['CCLOUD_AUDIT_SERVER_PORT'], 'CCLOUD_AUDIT_SERVER_PORT');
  set('log', 'level', env['CCLOUD_AUDIT_LOG_LEVEL'], 'CCLOUD_AUDIT_LOG_LEVEL');
  set('log', 'level', flags?.logLevel, '--log-level');

  const apiKey = env['COCKROACH_API_KEY'];
  const organizations = result['organizations'] ?? [];
  if (!Array.isArray(organizations))
    return { document: result, names, isImplicit: false, isKeyMissing: false };
  const [only, another] = organizations as readonly unknown[];
  const isImplicit = only === undefined && apiKey !== undefined;
  const isKeyMissing = only === undefined && apiKey === undefined;
  if (apiKey !== undefined && another === undefined) {
    const { apiKeyFile: _file, ...rest } = isGroup(only) ? only : { name: implicitName };
    if (isImplicit || isGroup(only)) {
      result['organizations'] = [{ ...rest, apiKey }];
      names.set('organizations[0].apiKey', 'COCKROACH_API_KEY');
    }
  }
  return { document: result, names, isImplicit, isKeyMissing };
}

/** Whether a secret is missing only because its file could not be read, which was said already. */
function isAnswered(path: KeyPath, problems: readonly Problem[]): boolean {
  return problems.some((problem) => formatPath(problem.path) === `${formatPath(path)}File`);
}

function describeIssue(issue: SchemaIssue, document: unknown): Problem {
  if (!issue.isUnknownKey) return issue;
  const key = String(issue.path.at(-1));
  const known = knownKeys(jsonSchema(), issue.path.slice(0, -1), document);
  const meant = nearest(key, known);
  return {
    path: issue.path,
    message:
      meant === undefined
        ? `is not a known key; there is ${known.join(', ')}`
        : `is not a known key; did you mean "${meant}"?`,
  };
}

/** The keys that the schema has at a path of this document. */
function knownKeys(schema: JsonSchema, path: KeyPath, value: unknown): readonly string[] {
  const forms = (schema.oneOf ?? schema.anyOf ?? [schema]).filter((form) => form.properties ?? form.items);
  const type = isGroup(value) ? value['type'] : undefined;
  const form = forms.find((candidate) => candidate.properties?.['type']?.const === type) ?? forms[0];
  const [key, ...rest] = path;
  if (key === undefined) return Object.keys(form?.properties ?? {});
  const next = typeof key === 'number' ? form?.items : form?.properties?.[key];
  const inner: unknown =
    Array.isArray(value) || isGroup(value) ? (value as Record<string, unknown>)[key] : undefined;
  return next === undefined ? [] : knownKeys(next, rest, inner);
}

function has(document: unknown, key: string): boolean {
  return isGroup(document) && document[key] !== undefined;
}

function keyMissing(file: string | undefined): UsageError {
  return new UsageError(
    file === undefined
      ? 'There is neither a configuration nor an API key. Set COCKROACH_API_KEY to the secret of a service account, ' +
          'or write a file with `ccloud-audit config init` and name it with --config or CCLOUD_AUDIT_CONFIG.'
      : `${file} configures no organization and COCKROACH_API_KEY is not set. Add the organization under ` +
          '`organizations:`, or set COCKROACH_API_KEY to the secret of a service account.',
    { code: 'key_missing' },
  );
}
