import { afterEach, describe, expect, it } from 'vitest';
import { createAuditSource } from '../../src/cloud-api/index.ts';
import { runOnce } from '../../src/exporter/one-shot.ts';
import type { Exporter } from '../../src/exporter/exporter.ts';
import { silentLogger } from '../../src/logger.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts';
import { startExportRun, type ExportRun } from '../helpers/export-run.ts';
import { startHttpForwarder, type HttpForwarder } from '../helpers/http-forwarder.ts';
import { rejectionOf } from '../helpers/rejection.ts';

const limits = { signal: new AbortController().signal, giveUpAfterMs: 20_000 };
const otherKey = 'CCDB1_OtherOtherOtherOtherO_ThisKeyBelongsToAnotherOrganization000000';

let run: ExportRun | undefined;
let other: Sandbox | undefined;
let front: HttpForwarder | undefined;

afterEach(async () => {
  await front?.close();
  await run?.close();
  await other?.close();
  run = undefined;
  other = undefined;
  front = undefined;
});

/** An exporter whose key is read for each request, as a key file is, in front of two organizations of one API. */
async function startSwappable(): Promise<{
  readonly exporter: Exporter;
  readonly current: ExportRun;
  readonly swapAt: (request: number) => void;
}> {
  const current = await startExportRun({ sandbox: { entries: 50 } });
  run = current;
  other = await startSandbox({
    entries: 50,
    seed: 2,
    apiKey: otherKey,
    organization: { id: '11111111-2222-4333-8444-555555555555', name: 'other' },
  });
  const targets = new Map([
    [`Bearer ${current.sandbox.apiKey}`, current.sandbox.url],
    [`Bearer ${otherKey}`, other.url],
  ]);
  front = await startHttpForwarder((request) => targets.get(request.headers.authorization ?? ''));
  let reads = 0;
  let swapsAt = Number.POSITIVE_INFINITY;
  let key: string | undefined;
  let generation = 0;
  const source = createAuditSource({
    url: front.url,
    apiKey: async () => {
      reads += 1;
      const now = reads >= swapsAt ? otherKey : current.sandbox.apiKey;
      if (key !== undefined && now !== key) generation += 1;
      key = now;
      return now;
    },
    requestsPerSecond: 1000,
    logger: silentLogger,
  });
  const exporter: Exporter = {
    ...current.exporter,
    organizations: [{ name: 'acme', source, keyGeneration: () => generation, startFrom: undefined }],
  };
  return {
    exporter,
    current,
    swapAt: (request) => {
      swapsAt = reads + request;
    },
  };
}

describe('a key', () => {
  it.each([1, 2, 3, 4, 5])(
    'of another organization is refused before anything of it is kept, swapped at request %i',
    async (request) => {
      const { exporter, current, swapAt } = await startSwappable();
      await runOnce(exporter, limits);
      current.sandbox.append(Array.from({ length: 500 }, () => ({})));
      swapAt(request);
      const error = await rejectionOf(runOnce(exporter, limits));
      expect(error).toMatchObject({ kind: 'source', code: 'organization_mismatch' });
      expect(error.message).toContain('11111111-2222-4333-8444-555555555555');
      expect(error.message).toContain(current.sandbox.organization.id);
      const known = new Set(current.sandbox.truth().map(({ raw }) => raw.toString()));
      const { rows } = await current.exporter.ledger.database.query<{ held: string }>(
        'SELECT next_sequence - 1 AS held FROM ledger.organizations',
      );
      const warehouse = await current.warehouse();
      expect(warehouse.filter(({ raw }) => !known.has(raw))).toEqual([]);
      expect(Number(rows[0]?.held)).toBeLessThanOrEqual(known.size);
      swapAt(Number.POSITIVE_INFINITY);
      await runOnce(exporter, limits);
      expect((await current.warehouse()).map(({ raw }) => raw).toSorted()).toEqual([...known].toSorted());
    },
  );
});
