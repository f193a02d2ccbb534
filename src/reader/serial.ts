/** Runs tasks one at a time, in the order they came. A failed one does not stop the next. */
export type Serial = <T>(task: () => Promise<T>) => Promise<T>;

export function createSerial(): Serial {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(task: () => Promise<T>): Promise<T> => {
    const run = last.then(task, task);
    // Whoever asked for the task meets its failure; the queue only waits.
    last = run.then(
      () => undefined,
      () => undefined,
    );
    return run;
  };
}
