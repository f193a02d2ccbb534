/** Turns a failed exchange into an error whose words name the call, the reason and what to do. */
import { CloudApiError } from './cloud-api-error.ts';
import type { TransportFailure } from './http-transport.ts';

interface NamedCall {
  readonly method: string;
  /** After `/api/v1`, without the query. */
  readonly path: string;
}

export function transportError(
  failure: TransportFailure,
  call: NamedCall,
  target: { readonly host: string; readonly timeoutMs: number },
): CloudApiError {
  const unknown = failure.mayHaveArrived ? doneAnyway(call) : '';
  const { cause, message } = failure;
  switch (failure.reason) {
    case 'too_large':
      return new CloudApiError(
        `The Cloud API's answer is too large (${where(call)}): ${message}. Raise api.responseMax or lower api.pageSize.${unknown}`,
        { code: 'response_too_large', retryable: false },
      );
    case 'encoding':
      return new CloudApiError(
        `The Cloud API's answer can't be used (${where(call)}): ${message}. Check whether a proxy stands in between.${unknown}`,
        { code: 'response_unusable', retryable: false },
      );
    case 'timed_out':
      return new CloudApiError(
        `The Cloud API did not answer in time (${where(call)} at ${target.host}): ${message}. Check the network, or raise api.requestTimeout (now ${target.timeoutMs} ms).${unknown}`,
        { code: 'timed_out', retryable: true, cause },
      );
    case 'unreachable':
      return new CloudApiError(
        `The Cloud API could not be reached, or the connection broke (${where(call)} at ${target.host}): ${message}. ${hint(failure)}${unknown}`,
        { code: 'unreachable', retryable: true, cause },
      );
    default:
      throw new TypeError(failure.reason satisfies never);
  }
}

export function where(call: NamedCall): string {
  return `${call.method} /api/v1${call.path}`;
}

/** Whoever asked for a change must know that it may have happened. */
export function doneAnyway(call: { readonly method: string }): string {
  return call.method === 'GET' ? '' : ' The change may have been made: look before you repeat it.';
}

function hint(failure: TransportFailure): string {
  return /CERT|SIGNED|VERIFY|ISSUER/.test(failure.message)
    ? 'Its certificate is not trusted here: name the CA of your company or proxy in NODE_EXTRA_CA_CERTS.'
    : 'Check api.url, DNS and the network (HTTPS_PROXY and NO_PROXY hold).';
}
