import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { announceStep, steps, stepsChannelName, type ReachedStep } from '../../src/steps.ts';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { killPoints } from './kill-points.ts';

const root = join(import.meta.dirname, '../..');

function announcedNames(): string[] {
  return ['src', 'sinks'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && file !== 'steps.ts')
      .flatMap((file) => {
        const source = readFileSync(join(root, folder, file), 'utf8');
        return [...source.matchAll(/announceStep\(\s*'([a-z-]+)'/g)].map(([, name]) => name ?? '');
      }),
  );
}

it('every step of the table is announced at one place, and attacked', () => {
  const names = Object.keys(steps).toSorted();
  expect(announcedNames().toSorted()).toEqual(names);
  expect([...new Set(killPoints.map(({ step }) => step))].toSorted()).toEqual(names);
});

it('a step is told to whoever listens, with its sink', () => {
  const heard: ReachedStep[] = [];
  // The channel is the table's own.
  const listen = (message: unknown): void => void heard.push(message as ReachedStep);
  subscribe(stepsChannelName, listen);
  announceStep('offset-moved', 'disk');
  unsubscribe(stepsChannelName, listen);
  announceStep('offset-moved', 'bucket');
  expect(heard).toEqual([{ step: 'offset-moved', sink: 'disk' }]);
});
