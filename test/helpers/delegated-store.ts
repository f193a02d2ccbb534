import type { ObjectStore } from '../../src/archive/object-store.ts';

/** A class keeps its methods on its prototype, where a spread does not find them. */
export function delegated(whole: ObjectStore): ObjectStore {
  return {
    fingerprint: whole.fingerprint,
    location: whole.location,
    isConditional: whole.isConditional,
    open: (options) => whole.open(options),
    putIfAbsent: (key, bytes, options) => whole.putIfAbsent(key, bytes, options),
    get: (key, options) => whole.get(key, options),
    head: (key, options) => whole.head(key, options),
    list: (folder, options) => whole.list(folder, options),
    listVersions: (folder, options) => whole.listVersions(folder, options),
    close: () => whole.close(),
  };
}
