import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { endThoughLingering } from '../../src/cli/linger.ts';

describe('a process that does not end by itself', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells what is open and ends with the exit code of its command', () => {
    const said: string[] = [];
    const ends: number[] = [];
    const process = {
      stderr: { write: (text: string) => said.push(text) > 0 },
      getActiveResourcesInfo: () => ['TCPSocketWrap', 'TCPSocketWrap', 'Timeout'],
      exit: (exitCode: number) => void ends.push(exitCode),
    };
    endThoughLingering(process, 3, 5000);
    vi.advanceTimersByTime(4999);
    expect(ends).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(ends).toEqual([3]);
    expect(said).toEqual([
      'error: The command is done, but the process does not end (open: TCPSocketWrap, Timeout).\n',
    ]);
  });
});
