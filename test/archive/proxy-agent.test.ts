import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createSecureServer, request, type RequestOptions } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isDirect, ProxyAgent, proxyFromEnvironment } from '../../src/archive/proxy-agent.ts';
import { createS3ObjectStore } from '../../src/archive/s3-object-store.ts';

const { signal } = new AbortController();

describe('the proxy of the environment', () => {
  test.each([
    [{}, undefined],
    [{ HTTPS_PROXY: '' }, undefined],
    [{ HTTPS_PROXY: 'socks5://proxy:1080' }, undefined],
    [{ HTTP_PROXY: 'http://proxy' }, undefined],
    [{ HTTPS_PROXY: 'http://proxy:3128' }, 'http://proxy:3128/'],
    [{ HTTPS_PROXY: 'proxy:3128' }, 'http://proxy:3128/'],
    [{ HTTPS_PROXY: 'http://upper', https_proxy: 'http://lower' }, 'http://lower/'],
  ])('of %j is %s', (environment, url) => {
    expect(proxyFromEnvironment(environment)?.url.href).toBe(url);
  });

  test.each([
    ['*', true],
    ['s3.eu-west-1.amazonaws.com', true],
    ['amazonaws.com', true],
    ['.amazonaws.com', true],
    ['*.AMAZONAWS.com', true],
    ['localhost, amazonaws.com', true],
    ['amazonaws.com:443', true],
    ['amazonaws.com:9000', false],
    ['aws.com', false],
    ['west-1.amazonaws.com', false],
    ['', false],
  ])('is passed by with NO_PROXY=%j: %s', (list, expected) => {
    const proxy = proxyFromEnvironment({ HTTPS_PROXY: 'http://proxy', NO_PROXY: list });
    expect(proxy && isDirect(proxy, 's3.eu-west-1.amazonaws.com', 443)).toBe(expected);
  });
});

describe('an agent with a proxy', () => {
  let proxy: Server;
  let asked: { target: string | undefined; authorization: string | undefined }[];
  let answer: string;
  let tunnels: Duplex[];

  beforeEach(async () => {
    asked = [];
    tunnels = [];
    answer = 'HTTP/1.1 200 OK\r\n\r\n';
    proxy = createServer();
    proxy.on('connect', (message: IncomingMessage, client: Duplex) => {
      asked.push({ target: message.url, authorization: message.headers['proxy-authorization'] });
      tunnels.push(client);
      client.write(answer);
      if (!answer.includes(' 200 ')) {
        client.end();
        return;
      }
      // Whatever host is asked for, the tunnel leads to the same machine.
      const upstream = connect(Number(message.url?.split(':').at(-1)), '127.0.0.1');
      for (const stream of [client, upstream])
        stream.on('error', () => void [client, upstream].map((end) => end.destroy()));
      client.pipe(upstream).pipe(client);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    proxy.close();
    proxy.closeAllConnections();
    // What was tunnelled is no connection of the server any more.
    for (const tunnel of tunnels) tunnel.destroy();
    await once(proxy, 'close');
  });

  const settings = (noProxy = ''): NonNullable<ReturnType<typeof proxyFromEnvironment>> => {
    const url = `http://user:p%40ss@127.0.0.1:${portOf(proxy)}`;
    const found = proxyFromEnvironment({ HTTPS_PROXY: url, NO_PROXY: noProxy });
    if (found === undefined) throw new Error('the URL names a proxy');
    return found;
  };

  test('speaks TLS through a tunnel, and without one to hosts that are direct', async () => {
    const key = Buffer.alloc(16, 7);
    const tls = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const;
    const server = createSecureServer({ ...tls, pskCallback: () => key }, (_, response) =>
      response.end('secure'),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const port = portOf(server);
      const secret = {
        pskCallback: () => ({ psk: key, identity: 'x' }),
        checkServerIdentity: () => undefined,
      };
      for (const [noProxy, tunnelled] of [
        ['', 1],
        ['127.0.0.1', 1],
      ] as const) {
        const agent = new ProxyAgent(settings(noProxy), {});
        const options: RequestOptions = { ...tls, ...secret, host: '127.0.0.1', port, agent };
        expect(await answerTo(options)).toBe('secure');
        expect(asked).toHaveLength(tunnelled);
        agent.destroy();
      }
      expect(asked[0]).toEqual({
        target: `127.0.0.1:${port}`,
        authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}`,
      });
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  test('is used for a store over HTTPS, and its refusal is told without its password', async () => {
    answer = 'HTTP/1.1 407 Proxy Authentication Required\r\n\r\n';
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example-secret');
    const options = {
      bucket: 'audit',
      region: 'us-east-1',
      endpoint: 'https://storage.invalid',
      forcePathStyle: true,
    };
    const store = createS3ObjectStore({ ...options, proxy: settings() });
    const failure = await store.open({ signal }).catch((error: unknown) => error);
    await store.close();
    expect(failure).toMatchObject({ code: 'proxy_failed', retryable: true });
    expect(String(failure)).toMatch(/HTTPS_PROXY.*NO_PROXY/);
    expect(String(failure)).not.toMatch(/p@ss|p%40ss/);
    expect(asked[0]?.target).toBe('storage.invalid:443');
  });
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

function answerTo(options: RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request(options, (response) => void text(response).then(resolve, reject));
    asking.on('error', reject);
    asking.end();
  });
}
