import type { JsonValue } from './json-text.ts';
import type { Random } from './random.ts';

/** A payload as the console or the API would have sent it: camelCase, mostly wrapped in `request`. */
export function requestPayload(action: string, clusterName: string, random: Random): JsonValue {
  const subject = action.slice('AUDIT_LOG_ACTION_'.length);
  if (subject.includes('SQL_USER')) return { name: `app_${random.hex(6)}` };
  if (subject === 'CREATE_CLUSTER' || subject === 'UPDATE_CLUSTER')
    return clusterPayload(clusterName, random);
  if (subject === 'USER_LOGIN') {
    return {
      request: {
        method: random.pick(['PASSWORD', 'SSO_SAML', 'SSO_OIDC', 'GITHUB', 'GOOGLE']),
        userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)',
        mfa: random.next() < 0.7,
      },
    };
  }
  if (subject.includes('API_KEY')) {
    return { request: { name: `key-${random.hex(4)}`, id: `CCDB1_${random.hex(22)}`, secret: '[REDACTED]' } };
  }
  if (subject.includes('ALLOWLIST')) {
    return {
      request: {
        cidrIp: `198.51.100.${random.integer(255)}`,
        cidrMask: 32,
        sql: true,
        ui: random.next() < 0.5,
        name: `office ${random.integer(9)}`,
      },
    };
  }
  if (subject.includes('ROLE') || subject.includes('USER') || subject.includes('INVITE')) {
    return {
      request: {
        userId: random.uuid(),
        roles: [
          { name: random.pick(['ORG_ADMIN', 'CLUSTER_ADMIN', 'CLUSTER_DEVELOPER']), resource: random.uuid() },
        ],
        email: `user-${random.hex(5)}@example.com`,
      },
    };
  }
  return {
    request: { resourceId: random.uuid(), revision: random.integer(4000), dryRun: false },
    response: { status: 'OK', tookMs: random.integer(900) / 8, etag: random.hex(16) },
  };
}

function clusterPayload(name: string, random: Random): JsonValue {
  return {
    request: {
      name,
      provider: random.pick(['GCP', 'AWS', 'AZURE']),
      spec: {
        dedicated: {
          cockroachVersion: random.pick(['v23.1', 'v24.3', 'v25.2']),
          hardware: {
            diskIops: 450,
            machineSpec: { numVirtualCpus: random.pick([4, 8, 16]) },
            storageGib: random.pick([15, 75, 150]),
          },
          regionNodes: { 'europe-west4': 3, 'us-east1': random.integer(3) + 1 },
        },
      },
    },
  };
}
