/** A TCP proxy on loopback that can cut its connections, go silent with them open, and come back. */
import { once } from 'node:events';
import net from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Connections that are open now. */
  readonly connections: number;
  /** Resets every connection; new ones are taken. */
  cut(): void;
  /** Keeps connections open and carries nothing, as when a machine vanishes. New ones are taken and carry nothing. */
  blackhole(): void;
  /** Carries again for connections made from now on. What fell into the hole is lost. */
  restore(): void;
  /** Takes a look at what the client sends, before it is carried. */
  onClientData: ((data: Buffer) => void) | undefined;
  close(): Promise<void>;
}

type Pair = readonly [client: net.Socket, target: net.Socket];

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  /** A connection that fell silent never speaks again: its stream would have a hole. */
  const silenced = new WeakSet<Pair>();
  let isSilent = false;
  const server = net.createServer((client) => {
    const target = net.connect(targetPort, '127.0.0.1');
    const pair = [client, target] as const;
    pairs.add(pair);
    if (isSilent) silenced.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      target.destroy();
    };
    client.on('data', (data: Buffer) => {
      proxy.onClientData?.(data);
      if (!silenced.has(pair)) target.write(data);
    });
    target.on('data', (data: Buffer) => {
      if (!silenced.has(pair)) client.write(data);
    });
    for (const socket of pair) socket.on('error', end).on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const [client, target] of pairs) {
      client.resetAndDestroy();
      target.resetAndDestroy();
    }
  };
  const proxy: TcpProxy = {
    port: (server.address() as net.AddressInfo).port,
    get connections(): number {
      return pairs.size;
    },
    cut,
    blackhole: () => {
      isSilent = true;
      for (const pair of pairs) silenced.add(pair);
    },
    restore: () => {
      isSilent = false;
    },
    onClientData: undefined,
    close: async () => {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
