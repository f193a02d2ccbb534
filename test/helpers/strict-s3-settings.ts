/** What can be set and injected in the strict object store. */
export type S3OperationName =
  | 'PutObject'
  | 'GetObject'
  | 'HeadObject'
  | 'DeleteObject'
  | 'ListObjectsV2'
  | 'ListObjectVersions';

/** Faults that are an answer. */
export type RefusalKind =
  | 'conflict'
  | 'not-implemented'
  | 'slow-down'
  | 'internal-error'
  | 'access-denied'
  | 'expired-token'
  | 'unknown-key'
  | 'wrong-signature'
  | 'clock-skew'
  | 'bad-request';

/** `drop`: closes the connection instead of answering. `commit-then-drop`: does the work first. `hang`: never answers. */
export type FaultKind = RefusalKind | 'drop' | 'commit-then-drop' | 'hang' | 'truncate-body' | 'stall-body';

export interface Fault {
  readonly operation: S3OperationName;
  readonly kind: FaultKind;
  /** How often; default once. */
  readonly times?: number;
  /** Only for keys that contain this. */
  readonly key?: string;
}

export interface StrictSettings {
  bucket: string;
  region: string;
  owner: string;
  /** Keys per page at most. */
  pageKeys: number;
  isVersioned: boolean;
  hasObjectLock: boolean;
  /** Takes `If-None-Match` and does nothing with it, as some stores do. */
  ignoresConditions: boolean;
  /** Answers 501 to `If-None-Match`. */
  refusesConditions: boolean;
  /** Answers 400 to the newer checksum headers. */
  refusesChecksums: boolean;
  /** Operations that are answered with 403. */
  denied: readonly S3OperationName[];
}

const refusals: Readonly<Record<RefusalKind, readonly [status: number, code: string]>> = {
  conflict: [409, 'ConditionalRequestConflict'],
  'not-implemented': [501, 'NotImplemented'],
  'slow-down': [503, 'SlowDown'],
  'internal-error': [500, 'InternalError'],
  'access-denied': [403, 'AccessDenied'],
  'expired-token': [400, 'ExpiredToken'],
  'unknown-key': [403, 'InvalidAccessKeyId'],
  'wrong-signature': [403, 'SignatureDoesNotMatch'],
  'clock-skew': [403, 'RequestTimeTooSkewed'],
  'bad-request': [400, 'InvalidRequest'],
};

/** Status and code of a fault that is an answer; undefined for the others. */
export function refusalOf(kind: FaultKind): readonly [status: number, code: string] | undefined {
  return Object.entries(refusals).find(([name]) => name === kind)?.[1];
}

export function defaultSettings(): StrictSettings {
  return {
    bucket: 'audit',
    region: 'us-east-1',
    owner: '111122223333',
    pageKeys: 3,
    isVersioned: false,
    hasObjectLock: false,
    ignoresConditions: false,
    refusesConditions: false,
    refusesChecksums: false,
    denied: [],
  };
}
