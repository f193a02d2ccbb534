import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Config } from '../../config/config.ts';
import { loadConfig } from '../../config/load.ts';
import { allOf, onlyOf, parseDockerfile, type Stage } from '../helpers/dockerfile.ts';

const root = new URL('../../', import.meta.url);
const secrets = '/run/secrets/ccloud-audit';
const final = parseDockerfile(await read('Dockerfile')).at(-1) as Stage;

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

interface ConfigMap extends Manifest {
  readonly data: Readonly<Record<string, string>>;
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
}

interface Deployment extends Manifest {
  readonly spec: {
    readonly replicas: number;
    readonly strategy: { readonly type: string };
    readonly selector: { readonly matchLabels: object };
    readonly template: {
      readonly metadata: { readonly labels: object; readonly annotations: Readonly<Record<string, string>> };
      readonly spec: {
        readonly serviceAccountName: string;
        readonly terminationGracePeriodSeconds: number;
        readonly securityContext: object;
        readonly containers: readonly Container[];
        readonly volumes: readonly Volume[];
      };
    };
  };
}

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly securityContext: object;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Volume {
  readonly name: string;
  readonly configMap?: { readonly name: string };
  readonly secret?: { readonly secretName: string };
}

describe('the manifests for Kubernetes', async () => {
  const manifests = parseAllDocuments(await read('config/deploy/kubernetes.yaml')).map(
    (document) => document.toJS({ maxAliasCount: 0 }) as Manifest,
  );
  // The manifests are ours; each test says what it expects in them.
  const deployment = find(manifests, 'Deployment') as Deployment;
  const configMap = find(manifests, 'ConfigMap') as ConfigMap;
  const pod = deployment.spec.template;
  const [container] = pod.spec.containers as [Container];
  let directory: string;
  let config: Config;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'manifests-'));
    await writeFile(join(directory, 'api-key'), 'CCDB1_example');
    await writeFile(join(directory, 'store-url'), 'postgres://u:p@db.example.com/audit?sslmode=verify-full');
    await writeFile(join(directory, 'archive-key.pem'), '-----BEGIN-PRIVATE KEY-----');
    const path = join(directory, 'config.yaml');
    await writeFile(path, (configMap.data['config.yaml'] ?? '').replaceAll(secrets, directory));
    config = (await loadConfig({ path, env: { CCLOUD_AUDIT_SERVER_HOST: '0.0.0.0' } })).config;
  });

  afterAll(async () => {
    await rm(directory, { recursive: true });
  });

  test('hold a configuration that loads, on a shared store, with a signed archive', () => {
    expect(config.organizations.map(({ name }) => name)).toEqual(['acme']);
    expect(config.store.url.reveal()).toMatch(/^postgres:/);
    expect(config.signing).toBeDefined();
    expect(config.sinks.map(({ type }) => type)).toEqual(['postgres', 's3']);
  });

  test('give a stop more time than it takes', () => {
    expect(pod.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(config.shutdownTimeoutMs);
  });

  test('ask for health and metrics at the port that is served', () => {
    expect(container.ports).toEqual([{ name: 'http', containerPort: config.server?.port }]);
    expect(onlyOf(final, 'EXPOSE')).toBe(String(config.server?.port));
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
    expect(pod.metadata.annotations).toMatchObject({
      'prometheus.io/port': String(config.server?.port),
      'prometheus.io/path': '/metrics',
    });
  });

  test('mount the configuration and the secrets where they are looked for', () => {
    const [variable] = container.env;
    const mounts = new Map(container.volumeMounts.map(({ name, mountPath }) => [name, mountPath]));
    const volumes = new Map(pod.spec.volumes.map((volume) => [volume.name, volume]));
    expect(variable).toEqual({ name: 'CCLOUD_AUDIT_CONFIG', value: `${mounts.get('config')}/config.yaml` });
    expect(mounts.get('secrets')).toBe(secrets);
    expect(volumes.get('config')?.configMap?.name).toBe(configMap.metadata.name);
    expect(new Set(volumes.keys())).toEqual(new Set(mounts.keys()));
    for (const path of ['/tmp', onlyOf(final, 'WORKDIR')]) expect([...mounts.values()]).toContain(path);
  });

  test('refer to a secret and contain none', () => {
    expect(manifests.map(({ kind }) => kind)).not.toContain('Secret');
    const volume = pod.spec.volumes.find(({ name }) => name === 'secrets');
    expect(volume?.secret?.secretName).toBe('ccloud-audit');
    expect(JSON.stringify(manifests)).not.toMatch(/CCDB1_|PRIVATE KEY|postgres:\/\//);
  });

  test('let a standby take over, and leave one at every disruption', () => {
    expect(deployment.spec.replicas).toBe(2);
    expect(deployment.spec.strategy.type).toBe('RollingUpdate');
    expect(pod.metadata.labels).toMatchObject(deployment.spec.selector.matchLabels);
    expect(find(manifests, 'PodDisruptionBudget')).toMatchObject({
      spec: { minAvailable: 1, selector: deployment.spec.selector },
    });
    expect(find(manifests, 'ServiceAccount').metadata.name).toBe(pod.spec.serviceAccountName);
  });

  test('hold what a restricted namespace demands, as the user of the image', () => {
    const user = Number(onlyOf(final, 'USER').split(':', 1)[0]);
    expect(pod.spec.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: user,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test('start what the image starts', () => {
    expect(container.args).toEqual(JSON.parse(onlyOf(final, 'CMD')));
    expect(allOf(final, 'ENTRYPOINT')).toHaveLength(1);
  });
});

describe('the unit for systemd', async () => {
  const unit = await read('config/deploy/systemd.service');
  const setting = (name: string): string | undefined => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1];

  test('gives a stop more time than it takes', async () => {
    const { config } = await loadConfig({ env: { COCKROACH_API_KEY: 'x' } });
    expect(Number(setting('TimeoutStopSec')) * 1000).toBeGreaterThan(config.shutdownTimeoutMs);
    expect(setting('KillSignal')).toBe('SIGTERM');
  });

  test('runs as nobody in particular, and keeps its state in a folder of its own', () => {
    expect(setting('DynamicUser')).toBe('yes');
    expect(setting('WorkingDirectory')).toBe(`/var/lib/${setting('StateDirectory')}`);
    expect(setting('StateDirectoryMode')).toBe('0700');
    expect(setting('ProtectSystem')).toBe('strict');
  });

  test('does not start again what a restart can not repair', () => {
    expect(setting('Restart')).toBe('always');
    expect(setting('RestartPreventExitStatus')).toBe('2');
    expect(setting('ExecStart')).toContain('ccloud-audit run ');
  });
});

function find(manifests: readonly Manifest[], kind: string): Manifest {
  const found = manifests.find((manifest) => manifest.kind === kind);
  if (found === undefined) throw new Error(`there is no ${kind}`);
  return found;
}

function read(path: string): Promise<string> {
  return readFile(new URL(path, root), 'utf8');
}
