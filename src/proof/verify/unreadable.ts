import { SinkError } from '../../../sinks/sink-error.ts';

/** What is wrong with the one object, or may be made so by whoever writes there; others can still be read. */
const ofOneObject: ReadonlySet<string> = new Set([
  'object_too_large',
  'object_archived',
  'permission_denied',
  'permission_missing',
  'path_blocked',
  'file_system_failed',
  // Of a bucket that was listed: encrypted with a key that is gone or was never ours.
  'request_refused',
]);

/** Why one object can't be read, as a sentence; undefined for what concerns the whole place, such as a lost connection. */
export function unreadableObject(error: unknown): string | undefined {
  if (!(error instanceof SinkError) || !ofOneObject.has(error.code)) return undefined;
  // Who exports tries again; who verifies does not.
  return error.message.replace(/ It will be tried again\.$/, '');
}
