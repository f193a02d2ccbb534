/** A local stand-in for the CockroachDB Cloud API: what `ccloud-audit sandbox` runs and the tests talk to. */
export { startSandbox, sandboxApiKey } from './start-sandbox.ts';
export type { NewEntry, Sandbox, SandboxOptions } from './sandbox.ts';
export type { TruthEntry } from './audit-log.ts';
export { trapNames, parseTrap, type TrapName } from './traps.ts';
export type { HistoryShape } from './history-shape.ts';
