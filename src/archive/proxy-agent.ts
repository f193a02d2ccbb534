/**
 * HTTPS through the proxy of HTTPS_PROXY, which the AWS SDK does not read by itself: a CONNECT tunnel, and TLS with the
 * store inside it, so that the proxy sees only its host. Plain HTTP never goes through a proxy, which would see everything.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest, type AgentOptions, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';

export interface ProxySettings {
  /** `http://` or `https://`, with credentials where the proxy wants them. */
  readonly url: URL;
  /** Hosts that are reached directly, as NO_PROXY lists them. */
  readonly direct: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;
type ConnectCallback = (error: Error | null, stream: Duplex) => void;

const connectTimeoutMs = 10_000;

/** The proxy for HTTPS in an environment; undefined where none is named or what is named is no URL of one. */
export function proxyFromEnvironment(environment: Environment): ProxySettings | undefined {
  const text = environment['https_proxy'] ?? environment['HTTPS_PROXY'] ?? '';
  const named = text === '' || text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(named)) return undefined;
  const url = new URL(named);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  const direct = (environment['no_proxy'] ?? environment['NO_PROXY'] ?? '').toLowerCase();
  return { url, direct: direct.split(/[\s,]+/).filter((host) => host !== '') };
}

/** Whether NO_PROXY covers a host: `*`, the host or a domain above it, each also with a port. */
export function isDirect(proxy: ProxySettings, host: string, port: number): boolean {
  const name = host.toLowerCase();
  return proxy.direct.some((entry) => {
    const [, pattern = '', onlyPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
    if (onlyPort !== undefined && Number(onlyPort) !== port) return false;
    if (pattern === '*') return true;
    const domain = pattern.replace(/^\*?\./, '');
    return name === domain || name.endsWith(`.${domain}`);
  });
}

/** An agent that tunnels to every host but those that are reached directly. */
export class ProxyAgent extends Agent {
  readonly #proxy: ProxySettings;

  constructor(proxy: ProxySettings, options: AgentOptions) {
    super(options);
    this.#proxy = proxy;
  }

  override createConnection(options: RequestOptions, callback?: ConnectCallback): Duplex | null | undefined {
    const host = options.host ?? 'localhost';
    const port = Number(options.port ?? 443);
    if (isDirect(this.#proxy, host, port)) return super.createConnection(options, callback);
    openTunnel(this.#proxy.url, `${host}:${port}`, (outcome) => {
      if (outcome instanceof Error) {
        // Node takes no stream where there is an error, but its type wants one.
        callback?.(outcome, undefined as unknown as Duplex);
        return;
      }
      const tunnelled: RequestOptions & { readonly socket: Duplex } = { ...options, socket: outcome };
      const secured = super.createConnection(tunnelled);
      if (secured !== null && secured !== undefined) callback?.(null, secured);
    });
    return undefined;
  }
}

/** Calls back once, with the tunnel or with why there is none. */
function openTunnel(proxy: URL, target: string, done: (outcome: Duplex | Error) => void): void {
  const isSecure = proxy.protocol === 'https:';
  const asked = (isSecure ? httpsRequest : httpRequest)({
    host: proxy.hostname.replaceAll(/^\[|\]$/g, ''),
    port: proxy.port === '' ? (isSecure ? 443 : 80) : Number(proxy.port),
    method: 'CONNECT',
    path: target,
    agent: false,
    timeout: connectTimeoutMs,
    headers: { host: target, ...authorization(proxy) },
  });
  asked.once('connect', (response: IncomingMessage, socket: Duplex) => {
    // From here on the socket is the tunnel's, and silence in it is not the proxy's.
    asked.setTimeout(0);
    if (response.statusCode === 200) {
      done(socket);
      return;
    }
    socket.destroy();
    done(proxyError(`it answered ${response.statusCode ?? 'nothing'}`));
  });
  asked.once('timeout', () => asked.destroy(new Error('no answer in time')));
  asked.once('error', (error) => done(proxyError('it could not be reached', error)));
  asked.end();
}

function authorization(proxy: URL): { 'proxy-authorization'?: string } {
  if (proxy.username === '') return {};
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

/** The code of every failure to get through a proxy. */
export const proxyFailed = 'EPROXY';

function proxyError(reason: string, cause?: Error): Error {
  const message = `The proxy did not let this through: ${reason}.`;
  return Object.assign(new Error(message, { cause }), { code: proxyFailed });
}
