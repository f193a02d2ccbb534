/** The sockets of a directory's lock: one question as a line of JSON, one answer as a line of JSON, and the end. */
import { once } from 'node:events';
import net from 'node:net';
import { toError } from '../errors.ts';

export type LockQuestion = 'who' | 'status';

export type SocketAnswer =
  | { readonly kind: 'answer'; readonly value: unknown }
  /** Somebody listens but said nothing in time: alive, perhaps stopped. */
  | { readonly kind: 'silent' }
  /** Nobody listens, and on this socket nobody ever will again. */
  | { readonly kind: 'dead' }
  | { readonly kind: 'gone' }
  /** The answer broke off: the other side is closing, or was cut. */
  | { readonly kind: 'unclear' };

export interface LockServer {
  close(): Promise<void>;
}

const questionBytesMax = 1024;

/** Listens at `file`. Does not keep the process alive. */
export async function listen(
  file: string,
  answers: Readonly<Record<LockQuestion, () => Promise<unknown>>>,
): Promise<LockServer> {
  const connections = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    connections.add(socket);
    socket.unref();
    socket.once('close', () => connections.delete(socket));
    // Whoever asked and left early misses only its own answer.
    socket.on('error', () => socket.destroy());
    answer(socket, answers);
  });
  server.unref();
  server.listen(file);
  await once(server, 'listening');
  return {
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

/** Asks the process that listens at `file`. Never rejects for what the other side does. */
export async function askSocket(file: string, ask: LockQuestion, timeoutMs: number): Promise<SocketAnswer> {
  return await new Promise((resolve) => {
    let text = '';
    const socket = net.connect(file);
    const finish = (result: SocketAnswer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => finish({ kind: 'silent' }), timeoutMs);
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(`${JSON.stringify({ ask })}\n`));
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('end', () => finish(readAnswer(text)));
    socket.on('error', (error) => finish(readFailure(error)));
  });
}

function answer(socket: net.Socket, answers: Readonly<Record<LockQuestion, () => Promise<unknown>>>): void {
  let text = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    text += chunk;
    if (text.length > questionBytesMax) socket.destroy();
    if (!text.includes('\n')) return;
    socket.removeAllListeners('data');
    void reply(text).then((line) => socket.end(`${line}\n`));
  });

  async function reply(question: string): Promise<string> {
    try {
      const { ask } = JSON.parse(question) as { readonly ask?: unknown };
      if (ask !== 'who' && ask !== 'status') return JSON.stringify({ error: 'unknown question' });
      return JSON.stringify((await answers[ask]()) ?? null);
    } catch (error) {
      return JSON.stringify({ error: toError(error).message });
    }
  }
}

function readAnswer(text: string): SocketAnswer {
  try {
    return { kind: 'answer', value: JSON.parse(text) };
  } catch {
    return { kind: 'unclear' };
  }
}

function readFailure(error: Error): SocketAnswer {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ECONNREFUSED') return { kind: 'dead' };
  if (code === 'ENOENT') return { kind: 'gone' };
  if (code === 'ECONNRESET' || code === 'EPIPE') return { kind: 'unclear' };
  // EAGAIN means that so many wait for its answer that there is no room for another; anything else is not proof of death.
  return { kind: 'silent' };
}
