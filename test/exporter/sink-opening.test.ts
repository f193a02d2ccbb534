import { describe, expect, it } from 'vitest';
import { SinkOpening } from '../../src/exporter/sink-opening.ts';
import { rejectionOf } from '../helpers/rejection.ts';
import { createScriptedSink } from '../helpers/scripted-sink.ts';

const signal = new AbortController().signal;

describe('opening a sink', () => {
  it('is done once for all who use it', async () => {
    let opened = 0;
    const opening = new SinkOpening(
      createScriptedSink({
        open: async () => {
          opened += 1;
        },
      }),
    );
    await Promise.all([opening.open(signal), opening.open(signal)]);
    await opening.open(signal);
    expect(opened).toBe(1);
  });

  it('is tried again by the next who asks where it failed', async () => {
    const failures = [new Error('away'), undefined];
    const opening = new SinkOpening(
      createScriptedSink({
        open: async () => {
          const failure = failures.shift();
          if (failure !== undefined) throw failure;
        },
      }),
    );
    expect((await rejectionOf(opening.open(signal))).message).toBe('away');
    await opening.open(signal);
    expect(failures).toEqual([]);
  });

  it('begun for one who is told to stop is begun anew for the other', async () => {
    const stopped = new AbortController();
    let opened = 0;
    const sink = createScriptedSink();
    const opening = new SinkOpening({
      ...sink,
      open: async ({ signal: asked }) => {
        opened += 1;
        if (asked !== stopped.signal) return;
        await new Promise((_resolve, reject) => {
          asked.addEventListener('abort', () => reject(new DOMException('stopped', 'AbortError')));
        });
      },
    });
    const first = rejectionOf(opening.open(stopped.signal));
    const second = opening.open(signal);
    stopped.abort();
    expect((await first).name).toBe('AbortError');
    await second;
    expect(opened).toBe(2);
  });
});
