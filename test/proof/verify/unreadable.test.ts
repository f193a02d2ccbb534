/** Files and folders of an archive that can't be read: `verify` names them and goes on. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SinkError } from '../../../sinks/sink-error.ts';
import type { ObjectStore } from '../../../src/archive/object-store.ts';
import { findEntryProof } from '../../../src/proof/verify/find-entry-proof.ts';
import type { VerifyReport } from '../../../src/proof/verify/report.ts';
import type { VerifyOptions } from '../../../src/proof/verify/verify-archive.ts';
import { directoryPlace, type ArchivePlace } from '../../helpers/archive-places.ts';
import { delegated } from '../../helpers/delegated-store.ts';
import { giveAway, withoutPrivileges } from '../../helpers/without-privileges.ts';
import { ordinaryArchive } from '../scenario.ts';
import { Tampering } from '../tampering.ts';
import { verifyScenario } from './verify-scenario.ts';

const { signal } = new AbortController();
const acme = 'organization=acme';

let place: ArchivePlace;
let store: ObjectStore;
let tampering: Tampering;
const closed: string[] = [];
const cleanups: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  place = await directoryPlace();
  store = place.store();
  tampering = new Tampering(place);
  await ordinaryArchive(place);
  await giveAway(store.location);
});

afterEach(async () => {
  for (const path of closed.splice(0)) await chmod(path, 0o700);
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await store.close();
  await place.dispose();
});

async function close(key: string, mode: number = 0o000): Promise<void> {
  const path = join(store.location, key);
  await chmod(path, mode);
  closed.push(path);
}

async function verify(options: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
  return await withoutPrivileges(() => verifyScenario(store, options));
}

describe('what may not be read is named, and what else is wrong is found', () => {
  beforeEach(async () => {
    await tampering.lines(1, (lines) => lines.map((line) => line.replace('someone', 'nobody')));
  });

  it('where it is an object', async () => {
    await close(await tampering.keyOf(21));
    const report = await verify();
    expect(report.findingCounts).toEqual({ object_altered: 1, object_unreadable: 1 });
    expect(messages(report)).toContain('permission denied. The user of this process must be able to read it');
  });

  it('where it is a digest', async () => {
    await close(tampering.digestKey(3));
    expect((await verify()).findingCounts).toMatchObject({ object_altered: 1, digest_unreadable: 1 });
  });

  it('where it is archive.json', async () => {
    await close(`${acme}/archive.json`);
    expect((await verify()).findingCounts).toEqual({ object_altered: 1, identity_unreadable: 1 });
  });

  it('where it is the folder of a day', async () => {
    await close(`${acme}/entries/date=2026-03-02`);
    const report = await verify();
    expect(report.findingCounts).toEqual({ object_altered: 1, folder_unreadable: 1, object_unreadable: 2 });
    expect(messages(report)).toContain(
      `The folder ${acme}/entries/date=2026-03-02/ can't be listed, so nothing in it was verified`,
    );
    expect(messages(report)).toContain("lies in a folder that can't be listed: sequences 21 to 30");
  });

  it('where it is a folder whose files may be listed and not opened', async () => {
    await close(`${acme}/entries/date=2026-03-02`, 0o600);
    expect((await verify()).findingCounts).toEqual({ object_altered: 1, object_unreadable: 2 });
  });

  it('where it is the folder of the digests', async () => {
    await close(`${acme}/digests`);
    expect((await verify()).findingCounts).toEqual({ folder_unreadable: 1 });
  });

  it('where it is the folder of an organization, beside that of another one', async () => {
    await ordinaryArchive(place, { organization: 'globex', organizationId: 'id-of-globex' });
    await place.remove(await new Tampering(place, 'globex').keyOf(21));
    await giveAway(store.location);
    await close(acme);
    const report = await verify({ organizations: ['acme', 'globex'] });
    expect(report.findingCounts).toEqual({ folder_unreadable: 1, object_missing: 1 });
    expect(report.proved).toEqual([]);
  });

  it('where it is a folder that nobody of the archive made', async () => {
    for (const folder of [`${acme}/entries/hidden`, 'elsewhere']) {
      await mkdir(join(store.location, folder));
      await close(folder);
    }
    const report = await verify();
    expect(report.findingCounts).toEqual({ object_altered: 1, folder_unreadable: 1 });
    expect(report.notes.map(({ code }) => code)).toEqual(['object_outside']);
  });

  it('where it is folders in folders, deeper than a path can be', async () => {
    const name = 'd'.repeat(200);
    const before = process.cwd();
    process.chdir(join(store.location, acme, 'entries'));
    try {
      for (let depth = 0; depth < 25; depth += 1) {
        await mkdir(name);
        process.chdir(name);
      }
    } finally {
      process.chdir(before);
      // Paths of the program's own kind do not reach so deep.
      cleanups.push(() => promisify(execFile)('rm', ['-rf', join(store.location, acme, 'entries', name)]));
    }
    const report = await verify();
    expect(report.findingCounts).toEqual({ object_altered: 1, folder_unreadable: 1 });
    expect(messages(report)).toContain('ENAMETOOLONG');
    expect(messages(report)).not.toContain('tried again');
  });
});

it('the lock of an object that may not be looked at is a finding', async () => {
  const lock = { mode: undefined, retentionMs: undefined, hasLegalHold: false, hasRetention: true };
  const refused = new SinkError('It was forbidden (403).', { code: 'permission_missing', retryable: false });
  const key = await tampering.keyOf(21);
  const denying: ObjectStore = {
    ...delegated(store),
    head: (asked, options) => (asked === key ? Promise.reject(refused) : store.head(asked, options)),
  };
  const report = await verify({ store: denying, lock });
  expect(report.findingCounts).toEqual({ object_lock_missing: 13 });
  expect(messages(report)).toContain(`The Object Lock of ${key} can't be looked at: It was forbidden (403).`);
});

it('a place that can not be read at all is no archive to judge', async () => {
  await close('.');
  await expect(verify()).rejects.toMatchObject({ code: 'permission_denied' });
});

it('an entry that is looked for may be in what could not be read', async () => {
  await close(await tampering.keyOf(11));
  await close(`${acme}/entries/date=2026-03-02`);
  await writeFile(join(store.location, tampering.digestKey(6)), '{}');
  const unreadable: string[] = [];
  const look = (id: string): ReturnType<typeof findEntryProof> =>
    withoutPrivileges(() =>
      findEntryProof({
        store,
        id,
        organizations: undefined,
        onUnreadable: (what) => unreadable.push(what),
        signal,
      }),
    );
  expect(await look('entry-acme-3')).toMatchObject({ sequence: 3 });
  expect(unreadable).toEqual([]);
  expect(await look('entry-acme-14')).toBeUndefined();
  expect(unreadable).toEqual([
    expect.stringContaining("000000000011.jsonl.gz can't be read: Can't read"),
    expect.stringContaining("000000000021.jsonl.gz can't be read"),
    expect.stringContaining("000000000031.jsonl.gz can't be read"),
    expect.stringContaining("000000000006.json can't be read"),
    expect.stringContaining("date=2026-03-02/ can't be listed"),
  ]);
});

function messages(report: VerifyReport): string {
  return report.findings.map(({ message }) => message).join('\n');
}
