/** Speaks just enough of PostgreSQL to let a client in and end its session in the same packet, as a server does that shuts down. */
import { once } from 'node:events';
import net from 'node:net';

export interface DismissingServer {
  readonly port: number;
  close(): Promise<void>;
}

/** https://www.postgresql.org/docs/current/protocol-message-formats.html */
export async function startDismissingServer(): Promise<DismissingServer> {
  const authenticated = message('R', Buffer.from([0, 0, 0, 0]));
  const ready = message('Z', Buffer.from('I'));
  const fields = ['SFATAL', 'VFATAL', 'C57P01', 'Mterminating connection due to administrator command'];
  const dismissed = message('E', Buffer.from(`${fields.join('\0')}\0\0`));
  const server = net.createServer((socket) => {
    socket.once('data', () => socket.end(Buffer.concat([authenticated, ready, dismissed])));
    // The client goes when it likes.
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    close: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type);
  header.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([header, body]);
}
