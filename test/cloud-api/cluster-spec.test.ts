import { describe, expect, test } from 'vitest';
import { clusterSpec, type ClusterSpecOptions } from '../../src/cloud-api/cluster-spec.ts';

const now = '2024-09-16';
const old = '2022-03-31';
const regions = ['us-central1'];

describe('the spec of a new cluster', () => {
  const cases: readonly (readonly [string, ClusterSpecOptions, unknown])[] = [
    ['BASIC by default', { version: now, regions }, { plan: 'BASIC', serverless: { regions } }],
    ['SERVERLESS by default in older versions', { version: old, regions }, { serverless: { regions } }],
    [
      'the old name under the new version',
      { version: now, plan: 'serverless', regions },
      { plan: 'BASIC', serverless: { regions } },
    ],
    [
      'the guide’s example',
      { version: old, plan: 'SERVERLESS', regions, spendLimitCents: 0 },
      { serverless: { regions, spend_limit: 0 } },
    ],
    [
      'STANDARD with its virtual CPUs as text',
      { version: now, plan: 'STANDARD', regions, virtualCpus: 2 },
      { plan: 'STANDARD', serverless: { regions, usage_limits: { provisioned_virtual_cpus: '2' } } },
    ],
    [
      'usage limits as text, and the primary region',
      {
        version: now,
        regions: ['a', 'b'],
        primaryRegion: 'a',
        requestUnitLimit: 2n ** 53n + 1n,
        storageMibLimit: 5n,
      },
      {
        plan: 'BASIC',
        serverless: {
          regions: ['a', 'b'],
          primary_region: 'a',
          usage_limits: { request_unit_limit: '9007199254740993', storage_mib_limit: '5' },
        },
      },
    ],
    [
      'ADVANCED',
      {
        version: now,
        plan: 'ADVANCED',
        regions: ['a', 'b'],
        virtualCpus: 4,
        storageGib: 15,
        nodesPerRegion: 1,
      },
      {
        plan: 'ADVANCED',
        dedicated: {
          region_nodes: { a: 1, b: 1 },
          hardware: { machine_spec: { num_virtual_cpus: 4 }, storage_gib: 15 },
        },
      },
    ],
    [
      'the new name under an older version',
      { version: old, plan: 'ADVANCED', regions, virtualCpus: 4 },
      {
        dedicated: {
          region_nodes: { 'us-central1': 3 },
          hardware: { machine_spec: { num_virtual_cpus: 4 }, storage_gib: 0 },
        },
      },
    ],
  ];

  test.each(cases)('%s', (_name, options, spec) => {
    expect(clusterSpec(options)).toEqual(spec);
  });

  const wrong: readonly (readonly [string, ClusterSpecOptions, string])[] = [
    ['no region', { version: now, regions: [] }, 'at least one region'],
    [
      'a spend limit where there is none, even 0',
      { version: now, regions, spendLimitCents: 0 },
      'has no spend limit',
    ],
    ['half a cent', { version: old, regions, spendLimitCents: 0.5 }, 'whole number'],
    ['STANDARD in an older version', { version: old, plan: 'STANDARD', regions }, 'no plan STANDARD'],
    ['STANDARD without virtual CPUs', { version: now, plan: 'STANDARD', regions }, 'virtual CPUs'],
    ['nodes of a BASIC cluster', { version: now, regions, nodesPerRegion: 3 }, 'no nodes or disks'],
    [
      'a spend limit for ADVANCED',
      { version: now, plan: 'ADVANCED', regions, spendLimitCents: 1 },
      'Only Serverless',
    ],
    ['ADVANCED without virtual CPUs', { version: now, plan: 'ADVANCED', regions }, 'virtual CPUs of a node'],
  ];

  test.each(wrong)('%s is refused', (_name, options, words) => {
    expect(() => clusterSpec(options)).toThrow(words);
  });
});
