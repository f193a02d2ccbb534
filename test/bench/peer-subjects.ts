/** Every peer with each output that it has, on the pages that the exporter gets. */
import { mkdtemp } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { makeJob } from './boundary-run.ts';
import { removeAtEnd } from './cleanup.ts';
import { benchApiKey } from './exporter-run.ts';
import { measure } from './measured-process.ts';
import type { Installed, Output, Peer } from './peers/peer.ts';
import { expectCount, type Measured, type Stage, type Subject } from './subject.ts';

export interface InstalledPeer {
  readonly peer: Peer;
  readonly installed: Installed;
}

export function peerSubjects(peers: readonly InstalledPeer[]): Subject[] {
  return peers.flatMap(({ peer, installed }) =>
    peer.outputs.map((output): Subject => ({
      name: `${peer.name}-${output}`,
      title: `${peer.title} into ${output === 'jsonl' ? 'JSONL' : 'PostgreSQL'}`,
      group: 'peer',
      target: output === 'jsonl' ? 'files' : 'postgres',
      note: peer.form[output] ?? '',
      measure: (stage) => measurePeer(installed, output, stage),
    })),
  );
}

async function measurePeer(installed: Installed, output: Output, stage: Stage): Promise<Measured> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'bench-peer-'));
  try {
    const api = { url: stage.standIn.url, apiKey: benchApiKey };
    const databaseUrl = await stage.postgres.emptyDatabase();
    const job = await makeJob(api, { home, output, databaseUrl });
    const ended = await measure(installed.command(job), { timeoutMs: stage.timeoutMs });
    if (ended.isTimedOut) throw new Error(`It did not end within ${stage.timeoutMs / 1000} s`);
    if (ended.exitCode !== 0) throw new Error(`It ended with ${ended.exitCode}: ${ended.said.slice(-300)}`);
    let held = 0;
    for await (const { id } of installed.held(job)) if (id !== '') held += 1;
    expectCount('it', held, stage.standIn.entries);
    return ended;
  } finally {
    removeAtEnd(home);
  }
}
