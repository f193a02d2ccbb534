import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ExporterError, toError } from '../errors.ts';
import { createApi } from './api.ts';
import { AuditLogEndpoint } from './audit-log-page.ts';
import { Clock } from './clock.ts';
import { Clusters } from './clusters.ts';
import { createControlEndpoint } from './control-endpoint.ts';
import { createControl } from './control.ts';
import { Growth } from './growth.ts';
import { createHistory } from './history.ts';
import { recorder } from './record-action.ts';
import { RateLimit } from './rate-limit.ts';
import { RequestLog } from './request-record.ts';
import type { Sandbox, SandboxOptions } from './sandbox.ts';
import { createSandboxServer, type KeyState } from './server.ts';
import { SqlUsers } from './sql-users.ts';
import { Traps } from './traps.ts';

/** The key that a sandbox accepts when none is named; it is worth nothing anywhere else. */
export const sandboxApiKey = 'CCDB1_SandboxSandboxSandboxS_ThisKeyOpensNothingButALocalSandbox00000';

/** Starts a local stand-in for the CockroachDB Cloud API. Rejects where the address can't be listened on. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const host = options.host ?? '127.0.0.1';
  const clock = new Clock(options.now ?? Date.now);
  const traps = new Traps(options.seed ?? 1, options.traps ?? []);
  const key: KeyState = { key: options.apiKey ?? sandboxApiKey, isRevoked: false };
  const requests = new RequestLog();
  const { log, organization, cast } = createHistory(options, clock, traps);
  const auditLog = new AuditLogEndpoint({
    log,
    traps,
    clock,
    limitMax: options.pageLimitMax ?? 1_000,
    organizationCreatedAt: organization.createdAt,
  });
  const growth = new Growth({
    log,
    clock,
    traps,
    perSecond: options.growPerSecond ?? 0,
    seed: options.seed ?? 1,
  });
  const record = recorder(log, clock);
  const seed = options.seed ?? 1;
  const clusters = new Clusters({ traps, clock, cast, seed, record });
  const sqlUsers = new SqlUsers({ traps, clock, clusters, record });
  const control = createControl({ log, clock, traps, key, requests, auditLog });
  const server = createSandboxServer({
    api: createApi({ auditLog, organization, traps, clock, clusters, sqlUsers }),
    control: isLoopback(host) ? createControlEndpoint(control) : undefined,
    key,
    traps,
    clock,
    rateLimit: new RateLimit(options.requestsPerSecond),
    requests,
    latencyMs: options.latencyMs ?? 0,
  });
  const port = await listen(server, host, options.port ?? 0);
  growth.start();
  return {
    ...control,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    apiKey: key.key,
    organization,
    get requests() {
      return control.requests();
    },
    get counters() {
      return control.counters();
    },
    close: async () => {
      growth.stop();
      await close(server);
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (thrown) {
    throw new ExporterError(
      `The sandbox can't listen on ${host} port ${port}: ${toError(thrown).message}. Choose another --port.`,
      { kind: 'usage', code: 'address_unusable', cause: thrown },
    );
  }
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
