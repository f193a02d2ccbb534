/** A TCP proxy on loopback whose port is closed during an outage, as when a server is stopped and started again. */
import { once } from 'node:events';
import net from 'node:net';

export interface OutageProxy {
  readonly port: number;
  /** Refuses new connections and cuts those that are open. */
  cut(): Promise<void>;
  /** Listens again, on the same port. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

export async function startOutageProxy(target: {
  readonly host: string;
  readonly port: number;
}): Promise<OutageProxy> {
  const sockets = new Set<net.Socket>();
  const keep = (socket: net.Socket): void => {
    sockets.add(socket);
    // A socket that was cut reports it; that is the purpose.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server = net.createServer((inner) => {
    const outer = net.connect(target);
    for (const socket of [inner, outer]) keep(socket);
    inner.pipe(outer).pipe(inner);
    inner.on('close', () => outer.destroy());
    outer.on('close', () => inner.destroy());
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  const cut = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await listen(0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a listening TCP server has a port');
  const { port } = address;
  return { port, cut, mend: () => listen(port), close: cut };
}
