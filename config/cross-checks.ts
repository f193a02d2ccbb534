/**
 * What holds between keys. The document is looked at as it was written, so that these complaints come together with
 * those about single keys; whatever has the wrong form is passed over, since the schema speaks about it.
 */
import { resolve } from 'node:path';
import { formatPath, nearest, type KeyPath, type Problem } from './problem.ts';
import { databaseFingerprint } from './urls.ts';

const defaultTable = 'audit.cockroach_cloud_entries';

export function crossChecks(document: unknown): readonly Problem[] {
  const organizations = list(document, 'organizations');
  const sinks = list(document, 'sinks');
  return [
    ...doubleNames(organizations, 'organizations', 'organization'),
    ...doubleNames(sinks, 'sinks', 'sink'),
    ...missingKeys(organizations),
    ...missingSigningKey(document),
    ...unknownOrganizations(sinks, organizations),
    ...sharedTargets(sinks, document),
  ];
}

function missingKeys(organizations: readonly unknown[]): readonly Problem[] {
  return organizations.flatMap((organization, index) =>
    isGroup(organization) && !('apiKey' in organization) && !('apiKeyFile' in organization)
      ? [{ path: ['organizations', index], message: 'has neither apiKey nor apiKeyFile' }]
      : [],
  );
}

function missingSigningKey(document: unknown): readonly Problem[] {
  const signing = isGroup(document) ? document['signing'] : undefined;
  if (!isGroup(signing) || 'key' in signing || 'keyFile' in signing) return [];
  return [{ path: ['signing'], message: 'has neither key nor keyFile' }];
}

function doubleNames(items: readonly unknown[], key: string, noun: string): readonly Problem[] {
  return doubles(items.map((item) => textAt(item, 'name'))).map(([index, first]) => ({
    path: [key, index, 'name'],
    message: `is the name of ${formatPath([key, first])} already; every ${noun} needs a name of its own`,
  }));
}

function unknownOrganizations(
  sinks: readonly unknown[],
  organizations: readonly unknown[],
): readonly Problem[] {
  const known = organizations.flatMap((organization) => textAt(organization, 'name') ?? []);
  return sinks.flatMap((sink, index) =>
    list(sink, 'organizations').flatMap((name, place): readonly Problem[] => {
      if (typeof name !== 'string' || known.includes(name)) return [];
      const path: KeyPath = ['sinks', index, 'organizations', place];
      const meant = nearest(name, known);
      const help =
        meant === undefined ? `there is ${known.join(', ') || 'none'}` : `did you mean "${meant}"?`;
      return [{ path, message: `names the organization "${name}", which is not configured; ${help}` }];
    }),
  );
}

function sharedTargets(sinks: readonly unknown[], document: unknown): readonly Problem[] {
  const storeUrl = isGroup(document) ? textAt(document['store'], 'url') : undefined;
  return doubles(sinks.map((sink) => targetOf(sink, storeUrl))).map(([index, first]) => ({
    path: ['sinks', index],
    message: `writes to the same place as ${formatPath(['sinks', first])}; two sinks on one target would double entries`,
  }));
}

/** What tells one destination from another; undefined where the schema has something to say first. */
function targetOf(sink: unknown, storeUrl: string | undefined): string | undefined {
  switch (textAt(sink, 'type') ?? '') {
    case 'stdout':
      return 'stdout';
    case 'file': {
      const directory = textAt(sink, 'directory');
      return directory === undefined ? undefined : `file ${resolve(directory)}`;
    }
    case 's3': {
      const bucket = textAt(sink, 'bucket');
      const prefix = (textAt(sink, 'prefix') ?? '').replaceAll(/^\/+|\/+$/g, '');
      return bucket === undefined ? undefined : `s3 ${textAt(sink, 'endpoint') ?? ''} ${bucket}/${prefix}`;
    }
    case 'postgres': {
      const database = databaseFingerprint(textAt(sink, 'url') ?? storeUrl ?? '') ?? 'embedded';
      return `postgres ${database} ${textAt(sink, 'table') ?? defaultTable}`;
    }
    default:
      return undefined;
  }
}

/** Index and first index of every value that was there before. */
function doubles(values: readonly (string | undefined)[]): readonly (readonly [number, number])[] {
  return values.flatMap((value, index) => {
    const first = values.indexOf(value);
    return value === undefined || first === index ? [] : [[index, first] as const];
  });
}

function list(value: unknown, key: string): readonly unknown[] {
  const items = isGroup(value) ? value[key] : undefined;
  return Array.isArray(items) ? items : [];
}

function textAt(value: unknown, key: string): string | undefined {
  const found = isGroup(value) ? value[key] : undefined;
  return typeof found === 'string' ? found : undefined;
}

export function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
