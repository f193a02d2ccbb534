import { access, readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../config/load.ts';
import { sandboxApiKey } from '../../src/sandbox/index.ts';

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly user?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly tmpfs?: readonly string[];
  readonly ports?: readonly string[];
  readonly networks?: readonly string[];
  readonly network_mode?: string;
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt: readonly string[];
  readonly stop_grace_period?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
}

const root = new URL('../../', import.meta.url);
const content = await readFile(new URL('docker-compose.yml', root), 'utf8');
const compose = parse(content, { merge: true }) as Compose;
const { services } = compose;
const exporter = services['exporter'] as Service;

const server = 'https://cockroachlabs.cloud';
const key = 'CCDB1_real';

describe('the exporter of docker-compose.yml', () => {
  test('talks to the sandbox, on loopback and with the sandbox’s key, when nothing is set', async () => {
    expect(await exported({})).toEqual({
      url: 'http://127.0.0.1:8080',
      apiKey: sandboxApiKey,
      organization: 'sandbox',
    });
  });

  test('talks to a real server with a real key when both are set, under another name', async () => {
    const both = { COCKROACH_SERVER: server, COCKROACH_API_KEY: key };
    expect(await exported(both)).toEqual({ url: server, apiKey: key, organization: 'production' });
    expect(await exported({ ...both, COCKROACH_ORGANIZATION: 'acme' })).toMatchObject({
      organization: 'acme',
    });
  });

  test.each([
    { COCKROACH_SERVER: server },
    { COCKROACH_API_KEY: key },
    { COCKROACH_SERVER: server, COCKROACH_API_KEY: '' },
    { COCKROACH_SERVER: '', COCKROACH_API_KEY: key },
    { COCKROACH_ORGANIZATION: 'acme' },
    { COCKROACH_SERVER: server, COCKROACH_ORGANIZATION: 'acme' },
    { COCKROACH_API_KEY: key, COCKROACH_ORGANIZATION: 'acme' },
  ])('never mixes the sandbox with what is real: %j', async (environment) => {
    expect(await exported(environment)).toEqual(await exported({}));
    expect(JSON.stringify(environmentOf(exporter, environment))).not.toContain(key);
  });

  test('shares the network of the sandbox, which is therefore on loopback', () => {
    expect(exporter.network_mode).toBe('service:sandbox');
    expect(services['sandbox']?.command).toEqual(expect.arrayContaining(['sandbox', '--port', '8080']));
    expect(services['sandbox']?.command).not.toContain('--host');
    expect(services['sandbox']?.build).toBe('.');
    expect(exporter.image).toBe(services['sandbox']?.image);
  });

  test('is given the database, the bucket and the credentials that the other services have', async () => {
    const { config } = await load({});
    const postgres = services['postgres']?.environment ?? {};
    const url = new URL(config.store.url.reveal());
    expect([url.hostname, url.username, url.pathname]).toEqual([
      'postgres',
      postgres['POSTGRES_USER'],
      `/${postgres['POSTGRES_DB']}`,
    ]);
    expect(exporter.environment?.['PGPASSWORD']).toBe(postgres['POSTGRES_PASSWORD']);
    const storage = services['storage'] as Service;
    expect(exporter.environment).toMatchObject({
      AWS_ACCESS_KEY_ID: storage.environment?.['ROOT_ACCESS_KEY'],
      AWS_SECRET_ACCESS_KEY: storage.environment?.['ROOT_SECRET_KEY'],
    });
    const sink = config.sinks.find(({ type }) => type === 's3');
    expect(sink).toMatchObject({ endpoint: 'http://storage:7070', bucket: 'audit', conditionalWrites: true });
    expect(storage.command).toContain(':7070');
    expect(services['bucket']?.environment).toEqual({
      ADMIN_ENDPOINT_URL: 'http://storage:7070',
      ADMIN_ACCESS_KEY: storage.environment?.['ROOT_ACCESS_KEY'],
      ADMIN_SECRET_KEY: storage.environment?.['ROOT_SECRET_KEY'],
    });
  });

  test('may lock objects: the bucket is made for it, in a store that keeps versions', () => {
    const [storage, bucket, directories] = ['storage', 'bucket', 'directories'].map((name) => services[name]);
    const command = storage?.command ?? [];
    const versions = command[command.indexOf('--versioning-dir') + 1] ?? '';
    const buckets = command.at(-1) ?? '';
    expect([versions, buckets]).toEqual(['/versions', '/buckets']);
    for (const service of [storage, directories]) {
      expect(service?.volumes).toEqual([`buckets:${buckets}`, `versions:${versions}`]);
    }
    expect(directories?.entrypoint?.at(-1)).toBe(`chown 1000:1000 ${buckets} ${versions}`);
    expect(bucket?.entrypoint?.at(-1)).toContain('--bucket audit --object-lock-enabled-for-bucket');
    expect(bucket?.user).toBe(storage?.user);
  });

  test('is given more time to stop than it takes', async () => {
    const { config } = await load({});
    const grace = Number(/^(\d+)s$/.exec(exporter.stop_grace_period ?? '')?.[1]);
    expect(grace * 1000).toBeGreaterThan(config.shutdownTimeoutMs);
  });

  test('waits until everything it needs is healthy', () => {
    const { bucket, ...others } = exporter.depends_on ?? {};
    // It ends once the bucket is there, which needs a healthy store.
    expect(bucket?.condition).toBe('service_completed_successfully');
    expect(services['bucket']?.depends_on).toEqual({ storage: { condition: 'service_healthy' } });
    expect(services['storage']?.healthcheck?.test[0]).toBe('CMD');
    for (const [name, { condition }] of Object.entries(others)) {
      expect([name, condition]).toEqual([name, 'service_healthy']);
      expect(services[name]?.healthcheck?.test[0]).toBe('CMD');
    }
    expect(Object.keys(others)).toEqual(['postgres', 'sandbox']);
  });
});

describe('docker-compose.yml', () => {
  test.each(Object.entries(services))('leaves %s no right that it does not need', (name, service) => {
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(['ALL']);
    expect(service.cap_add ?? []).toEqual(name === 'directories' ? ['CHOWN'] : []);
    expect(service.security_opt).toEqual(['no-new-privileges:true']);
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(service.image).toMatch(/:v?\d+\.\d+/);
  });

  test('names every volume and network that it uses, and uses every one that it names', () => {
    const volumes = Object.values(services).flatMap((service) =>
      (service.volumes ?? []).map((volume) => volume.split(':', 1)[0] ?? ''),
    );
    const named = volumes.filter((volume) => !volume.startsWith('.'));
    expect(new Set(named)).toEqual(new Set(Object.keys(compose.volumes)));
    const networks = Object.values(services).flatMap((service) => service.networks ?? []);
    expect(new Set(networks)).toEqual(new Set(Object.keys(compose.networks)));
  });

  test('mounts files that exist', async () => {
    const files = Object.values(services).flatMap((service) =>
      (service.volumes ?? []).filter((volume) => volume.startsWith('./')),
    );
    expect(files).toHaveLength(1);
    for (const file of files) await access(new URL(file.split(':', 1)[0] ?? '', root));
  });

  test('keeps the database and the store away from the network outside', () => {
    expect(compose.networks['storage']?.internal).toBe(true);
    for (const name of ['postgres', 'storage', 'bucket'])
      expect(services[name]?.networks).toEqual(['storage']);
  });
});

/** Where the exporter would send which key, if this is the environment of `docker compose`. */
async function exported(
  environment: Readonly<Record<string, string>>,
): Promise<{ url: string; apiKey: string; organization: string }> {
  const { config } = await load(environment);
  const [organization] = config.organizations;
  if (organization === undefined) throw new Error('no organization');
  const apiKey = (await organization.apiKey.read()).reveal();
  return { url: config.api.url, apiKey, organization: organization.name };
}

function load(environment: Readonly<Record<string, string>>): ReturnType<typeof loadConfig> {
  const path = new URL('config/examples/compose.yaml', root).pathname;
  return loadConfig({ path, env: environmentOf(exporter, environment) });
}

function environmentOf(
  service: Service,
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(service.environment ?? {}).map(([name, value]) => [name, interpolate(value, environment)]),
  );
}

/** `${NAME:-text}` and `${NAME:+text}`, nested, as Compose fills them in. */
function interpolate(text: string, environment: Readonly<Record<string, string>>): string {
  const innermost = /\$\{(\w+)(:[-+])([^${}]*)\}/;
  const match = innermost.exec(text);
  if (match === null) {
    if (text.includes('${')) throw new Error(`not understood: ${text}`);
    return text;
  }
  const [whole, name = '', operator, other = ''] = match;
  const value = environment[name] ?? '';
  const filled = operator === ':-' ? value || other : value && other;
  return interpolate(
    text.replace(whole, () => filled),
    environment,
  );
}
