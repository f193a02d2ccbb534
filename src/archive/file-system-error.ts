import { SinkError } from '../../sinks/sink-error.ts';
import { isAbort, toError } from '../errors.ts';

export interface FileSystemCall {
  readonly doing: 'prepare' | 'write' | 'read' | 'list';
  readonly path: string;
  /** What it was aborted with is passed on as it is. */
  readonly signal: AbortSignal;
}

/** Says in a sentence what a failed call to the file system means for a sink and what to do about it. */
export function fileSystemError(thrown: unknown, call: FileSystemCall): Error {
  if (thrown instanceof SinkError || isAbort(thrown)) return toError(thrown);
  if (call.signal.aborted && thrown === call.signal.reason) return toError(thrown);
  const what = `Can't ${call.doing} ${call.path}`;
  const code = codeOf(thrown) ?? 'unknown error';
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return failure(`${what}: the disk or its quota is full. Make room; the export goes on by itself.`, {
        code: 'disk_full',
        retryable: true,
        cause: thrown,
      });
    case 'EACCES':
    case 'EPERM':
      return failure(
        `${what}: permission denied. The user of this process must ${call.doing === 'read' || call.doing === 'list' ? 'be able to read it' : 'own it or be able to write there'}.`,
        {
          code: 'permission_denied',
          retryable: false,
          cause: thrown,
        },
      );
    case 'EROFS':
      return failure(`${what}: the file system is read-only. Mount it writable.`, {
        code: 'read_only',
        retryable: false,
        cause: thrown,
      });
    case 'ENOENT':
      // Node answers this, too, where a folder is to be made on a read-only file system.
      return failure(
        `${what}: a folder above it is missing or can't be made. Check that the path exists and that its file system is mounted writable; it will be tried again.`,
        { code: 'path_missing', retryable: true, cause: thrown },
      );
    case 'EEXIST':
    case 'ENOTDIR':
    case 'EISDIR':
      return failure(`${what}: a file stands where a directory should be, or the reverse. Move it away.`, {
        code: 'path_blocked',
        retryable: false,
        cause: thrown,
      });
    default:
      return failure(`${what} (${code}). It will be tried again.`, {
        code: 'file_system_failed',
        retryable: true,
        cause: thrown,
      });
  }
}

export function hasCode(thrown: unknown, ...codes: readonly string[]): boolean {
  const code = codeOf(thrown);
  return code !== undefined && codes.includes(code);
}

function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
}

function failure(message: string, options: ConstructorParameters<typeof SinkError>[1]): SinkError {
  return new SinkError(message, options);
}
