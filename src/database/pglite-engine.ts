/**
 * PGlite itself, in the thread or process that imports this. The only file that does: everything else talks to it
 * through messages. Statements go in and rows come out as PostgreSQL's own text, without PGlite's conversions, in one call per
 * statement (half the time of its `query`, which makes six).
 */
import { PGlite, protocol, type messages } from '@electric-sql/pglite';
import { NodeFS } from '@electric-sql/pglite/nodefs';
import type { EngineFailure, EngineResult } from './pglite-messages.ts';

export interface Engine {
  execute(
    sql: string,
    parameters: readonly (string | Uint8Array | null)[],
  ): Promise<EngineResult | EngineFailure>;
  /** `sql` reads from `/dev/blob`, which is PGlite's name for the data of this call. */
  copyIn(sql: string, data: Uint8Array): Promise<EngineResult | EngineFailure>;
  close(): Promise<void>;
}

// What results look like must not depend on TZ or a locale in the environment.
const settings = "SELECT set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO, MDY', false)";

/** Opens the data directory. An empty one is first filled from `template`, which `packNewDatabase` made. */
export async function openEngine(directory: string, template?: Blob): Promise<Engine> {
  const fs = privateFiles(directory);
  const database = await PGlite.create(template === undefined ? { fs } : { fs, loadDataDir: template });
  await database.query(settings);
  return {
    execute: async (sql, parameters) => {
      const replies = await database.execProtocolStream(encodeStatement(sql, parameters), {
        syncToFs: false,
        throwOnError: false,
      });
      return readReplies(replies);
    },
    copyIn: async (sql, data) => {
      try {
        // The copy has a buffer of its own; `Blob` takes no memory that is shared.
        await database.query(sql, [], { blob: new Blob([new Uint8Array(data)]) });
        return { columns: [], types: [], rows: [], command: 'COPY', rowCount: 0 };
      } catch (error) {
        if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
          return { sqlState: error.code, message: error.message };
        }
        throw error;
      }
    },
    close: () => database.close(),
  };
}

/** The files of a new database, as a gzipped tar archive. */
export async function packNewDatabase(): Promise<Uint8Array> {
  const database = await PGlite.create();
  const packed = await database.dumpDataDir('gzip');
  await database.close();
  return new Uint8Array(await packed.arrayBuffer());
}

// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY
function encodeStatement(sql: string, values: readonly (string | Uint8Array | null)[]): Uint8Array {
  const { serialize } = protocol;
  return Buffer.concat([
    serialize.parse({ text: sql }),
    serialize.bind({ values: [...values] }),
    serialize.describe({ type: 'P' }),
    serialize.execute({}),
    serialize.sync(),
  ]);
}

function readReplies(replies: readonly messages.BackendMessage[]): EngineResult | EngineFailure {
  const rows: (string | null)[][] = [];
  let fields: readonly messages.Field[] = [];
  let tag: string | undefined;
  for (const reply of replies) {
    // The name is what tells PGlite's message classes apart; they are not a union.
    if (reply.name === 'error') {
      const { code, message } = reply as messages.DatabaseError;
      return { sqlState: code ?? 'XX000', message };
    }
    if (reply.name === 'rowDescription') ({ fields } = reply as messages.RowDescriptionMessage);
    else if (reply.name === 'dataRow') rows.push((reply as messages.DataRowMessage).fields);
    else if (reply.name === 'commandComplete') tag = (reply as messages.CommandCompleteMessage).text;
    else if (reply.name === 'emptyQuery') tag = '';
  }
  // PGlite swallows what its WebAssembly throws, so a crash shows only as an answer that is missing.
  if (tag === undefined) throw new Error('PostgreSQL gave no answer and is probably damaged in memory');
  const [command = '', ...rest] = tag.split(' ');
  const count = Number(rest.at(-1));
  return {
    columns: fields.map((field) => field.name),
    types: fields.map((field) => field.dataTypeID),
    rows,
    command,
    rowCount: Number.isInteger(count) ? count : 0,
  };
}

/** The files of a directory, for nobody else to read: PostgreSQL compiled to WebAssembly opens them to everybody. */
function privateFiles(directory: string): NodeFS {
  const files = new NodeFS(directory);
  const init = files.init.bind(files);
  files.init = async (database, options) => {
    const { emscriptenOpts } = await init(database, options);
    const preRun = emscriptenOpts.preRun ?? [];
    preRun.unshift((module) => {
      closeToOthers(module.NODEFS);
    });
    return { emscriptenOpts: { ...emscriptenOpts, preRun } };
  };
  return files;
}

/** The part of https://github.com/emscripten-core/emscripten/blob/main/src/lib/libnodefs.js that sets modes. */
interface NodeFileOperations {
  readonly node_ops: {
    mknod: (parent: object, name: string, mode: number, device: number) => object;
    setattr: (node: object, attributes: FileAttributes) => void;
  };
  readonly stream_ops: { setattr?: (stream: object, attributes: FileAttributes) => void };
}

interface FileAttributes {
  readonly mode?: number;
}

const othersMask = 0o077;

function closeToOthers({ node_ops: node, stream_ops: stream }: NodeFileOperations): void {
  const { mknod, setattr } = node;
  const setStream = stream.setattr;
  node.mknod = (parent, name, mode, device) => mknod(parent, name, mode & ~othersMask, device);
  node.setattr = (target, attributes) => setattr(target, withoutOthers(attributes));
  if (setStream !== undefined) {
    stream.setattr = (target, attributes) => setStream(target, withoutOthers(attributes));
  }
}

function withoutOthers(attributes: FileAttributes): FileAttributes {
  return attributes.mode === undefined ? attributes : { ...attributes, mode: attributes.mode & ~othersMask };
}
