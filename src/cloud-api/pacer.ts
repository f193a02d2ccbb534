import Bottleneck from 'bottleneck';

/** Hands out starting permits, evenly spaced. */
export interface Pacer {
  /** Resolves when the next request may start; rejects when the pacer is stopped before that. */
  permit(): Promise<void>;
  stop(): Promise<void>;
}

/** The only use of bottleneck: spacing. Order, slots and the gate are the limiter's own (see rate-limiter.ts). */
export function createPacer(requestsPerSecond: number): Pacer {
  const bottleneck = new Bottleneck({
    minTime: 1000 / requestsPerSecond,
    maxConcurrent: null,
    highWater: null,
    strategy: Bottleneck.strategy.LEAK,
    penalty: null,
    reservoir: null,
    reservoirRefreshInterval: null,
    reservoirRefreshAmount: null,
    reservoirIncreaseInterval: null,
    reservoirIncreaseAmount: null,
    reservoirIncreaseMaximum: null,
    datastore: 'local',
    rejectOnDrop: true,
    trackDoneStatus: false,
  });
  return {
    permit: () => bottleneck.schedule({ priority: 5, weight: 1 }, () => Promise.resolve()),
    async stop(): Promise<void> {
      await bottleneck.stop({
        dropWaitingJobs: true,
        dropErrorMessage: 'stopped',
        enqueueErrorMessage: 'stopped',
      });
    },
  };
}
