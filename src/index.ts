/**
 * The library: the contract of sinks, and the exporter to run them in. The Cloud API client is
 * `ccloud-audit-export/cloud-api`.
 */
export type {
  Attachment,
  HeldDifference,
  HeldEntry,
  HeldPlace,
  Roll,
  Sink,
  SinkBatch,
  SinkCapabilities,
  SinkDigest,
  SinkEntry,
  SinkOptions,
  WriteReceipt,
} from '../sinks/sink.ts';
export { SinkError, type SinkErrorOptions } from '../sinks/sink-error.ts';
export {
  type Export,
  type ExportedOrganization,
  type ExportOptions,
  type ExportSigning,
  openExport,
  type RunOptions,
} from './exporter/embed.ts';
export type { OneShotResult } from './exporter/one-shot.ts';
export { ExporterError, UsageError } from './errors.ts';
export type { Logger } from './logger.ts';
