/**
 * A signal that is aborted with the first of several others. `AbortSignal.any` on a signal that lives as long as the
 * process grows without bound; this one lets go of them in `unlink`, which whoever made it must call.
 */
export interface LinkedSignal {
  readonly signal: AbortSignal;
  unlink(): void;
}

export function linkSignals(...sources: readonly AbortSignal[]): LinkedSignal {
  const controller = new AbortController();
  const links = sources.map((source) => {
    const pass = (): void => controller.abort(source.reason);
    if (source.aborted) pass();
    else source.addEventListener('abort', pass, { once: true });
    return { source, pass };
  });
  return {
    signal: controller.signal,
    unlink(): void {
      for (const { source, pass } of links) source.removeEventListener('abort', pass);
    },
  };
}
