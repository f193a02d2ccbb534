/**
 * What the rest of the program gets to see of the configuration: every default filled in, durations as
 * milliseconds (`…Ms`), sizes as bytes, times as nanoseconds, secrets as `Secret`. The YAML behind it is in
 * `schema.ts`, key by key.
 */
import type { LogFormat, LogLevel } from '../src/logger.ts';
import type { Nanos } from '../src/time.ts';
import type { Secret, SecretSource } from './secret.ts';

export interface Config {
  readonly api: ApiConfig;
  readonly organizations: readonly OrganizationConfig[];
  readonly schedule: ScheduleConfig;
  readonly overlapMs: number;
  readonly rescanWindowMs: number;
  readonly reconcile: ReconcileConfig;
  readonly leaseMs: number;
  readonly shutdownTimeoutMs: number;
  readonly store: StoreConfig;
  readonly signing: SigningConfig | undefined;
  readonly sinks: readonly SinkConfig[];
  /** Undefined: no server. */
  readonly server: ServerConfig | undefined;
  readonly log: LogConfig;
}

export interface ApiConfig {
  /** Without a trailing slash. */
  readonly url: string;
  readonly version: string;
  readonly requestsPerSecond: number;
  readonly pageSize: number;
  readonly requestTimeoutMs: number;
  readonly responseMaxBytes: number;
}

export interface OrganizationConfig {
  readonly name: string;
  /** Ask for it before every use: a key in a file may have been rotated. */
  readonly apiKey: SecretSource;
  /** Undefined: the organization's creation. */
  readonly startFrom: Nanos | undefined;
}

export interface ScheduleConfig {
  /** Cron expressions in UTC, five fields or six with seconds in front. */
  readonly tail: string;
  readonly rescan: string;
}

export interface ReconcileConfig {
  /** A cron expression in UTC; undefined: never. */
  readonly schedule: string | undefined;
  /** How far back it reads. */
  readonly windowMs: number;
  readonly repair: boolean;
}

export interface StoreConfig {
  /** `pglite:<directory>`, `postgres://…` or `postgresql://…`; may hold a password. */
  readonly url: Secret;
  readonly schema: string;
  readonly migrate: boolean;
  /** Undefined: raw text is kept for ever. */
  readonly retentionMs: number | undefined;
}

export interface SigningConfig {
  /** The private key in PEM. */
  readonly key: Secret;
}

export interface ServerConfig {
  readonly host: string;
  readonly port: number;
}

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

export type SinkConfig = PostgresSinkConfig | S3SinkConfig | FileSinkConfig | StdoutSinkConfig;

export interface SinkCommonConfig {
  readonly name: string;
  /** Names of organizations; undefined: all of them. */
  readonly organizations: readonly string[] | undefined;
  /** Where a new delivery starts: the first sequence, only what comes from now on, or at a `created_at`. */
  readonly from: 'beginning' | 'now' | Nanos;
}

export interface PostgresSinkConfig extends SinkCommonConfig {
  readonly type: 'postgres';
  /** Undefined: the store's own database. */
  readonly url: Secret | undefined;
  /** `schema.table` or `table`, unquoted. */
  readonly table: string;
}

export interface RollConfig {
  readonly entries: number;
  /** Raw text, before gzip. */
  readonly bytes: number;
  readonly ageMs: number;
}

export interface S3SinkConfig extends SinkCommonConfig {
  readonly type: 's3';
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  readonly region: string | undefined;
  readonly roleArn: string | undefined;
  readonly endpoint: string | undefined;
  readonly forcePathStyle: boolean;
  /** Whether puts carry `If-None-Match: *`. */
  readonly conditionalWrites: boolean;
  readonly expectedBucketOwner: string | undefined;
  readonly storageClass: string | undefined;
  /** `none` sends Content-MD5 instead, for stores that refuse the newer checksum headers. */
  readonly checksum: 'sha256' | 'none';
  readonly encryption: EncryptionConfig | undefined;
  readonly roll: RollConfig;
  readonly objectLock: ObjectLockConfig | undefined;
  readonly legalHold: boolean;
}

export interface EncryptionConfig {
  /** `AES256` is SSE-S3, `aws:kms` is SSE-KMS. */
  readonly algorithm: 'AES256' | 'aws:kms';
  readonly kmsKeyId: string | undefined;
}

export interface ObjectLockConfig {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly retentionMs: number;
}

export interface FileSinkConfig extends SinkCommonConfig {
  readonly type: 'file';
  readonly directory: string;
  readonly roll: RollConfig;
}

export interface StdoutSinkConfig extends SinkCommonConfig {
  readonly type: 'stdout';
  readonly format: 'raw' | 'envelope';
}
