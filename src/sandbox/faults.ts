import { Refusal, type Answer } from './answer.ts';
import type { Clock } from './clock.ts';
import type { Traps } from './traps.ts';

/** What happens to the connection instead of a whole answer. */
export type Delivery = 'whole' | 'reset' | 'hang-headers' | 'hang-body' | 'drip' | 'short' | 'giant';

const html =
  '<!DOCTYPE html><html><head><title>502 Server Error</title></head><body>Error: Server Error</body></html>';

/** An answer that a front end or a failing server gives in place of the operation; undefined where no trap fires. */
export function answerInstead(traps: Traps, clock: Clock): Answer | undefined {
  if (traps.fires('redirect')) {
    return { status: 307, headers: { location: 'http://redirected.invalid/login' }, body: Buffer.alloc(0) };
  }
  if (traps.fires('unauthorized')) return new Refusal('unauthenticated', 'unauthenticated').answer;
  if (traps.fires('forbidden')) return new Refusal('permissionDenied', 'permission denied').answer;
  if (traps.fires('server-error')) return new Refusal('internal', 'internal call failed').answer;
  if (traps.fires('unavailable')) return new Refusal('unavailable', 'upstream connect error').answer;
  if (traps.fires('status-partial'))
    return { status: 500, body: Buffer.from('{"message":"something broke"}') };
  if (traps.fires('status-empty')) return { status: 500, body: Buffer.from('{}') };
  if (traps.fires('html-502')) return htmlAnswer(502);
  if (traps.fires('html-200')) return htmlAnswer(200);
  return rateLimited(traps, clock);
}

/** What is left of the connection before anything was done. */
export function deliveryBefore(traps: Traps): Delivery {
  if (traps.fires('reset')) return 'reset';
  return traps.fires('hang-headers') ? 'hang-headers' : 'whole';
}

/** How the answer of an operation is delivered. */
export function deliveryAfter(traps: Traps, method: string): Delivery {
  if (method !== 'GET' && traps.fires('reset-after-write')) return 'reset';
  if (traps.fires('hang-body')) return 'hang-body';
  if (traps.fires('drip-body')) return 'drip';
  if (traps.fires('short-body')) return 'short';
  return traps.fires('giant-body') ? 'giant' : 'whole';
}

/** The answer of an operation, spoilt. */
export function spoilt(answer: Answer, traps: Traps): Answer {
  if (answer.status !== 200) return answer;
  if (traps.fires('empty-body')) return { ...answer, body: Buffer.alloc(0) };
  if (traps.fires('cut-body')) {
    return { ...answer, body: answer.body.subarray(0, Math.floor(answer.body.length / 2)) };
  }
  return traps.fires('not-utf8') ? { ...answer, body: withoutUtf8(answer.body) } : answer;
}

export function rateLimitAnswer(retryAfter: string | undefined, status = 429): Answer {
  const { body } = new Refusal('resourceExhausted', 'rate limit exceeded').answer;
  return { status, body, ...(retryAfter === undefined ? {} : { headers: { 'retry-after': retryAfter } }) };
}

function rateLimited(traps: Traps, clock: Clock): Answer | undefined {
  if (traps.fires('rate-limit-429-seconds')) return rateLimitAnswer('1');
  if (traps.fires('rate-limit-429-date')) {
    return rateLimitAnswer(new Date(clock.nowMs() + 2_000).toUTCString());
  }
  if (traps.fires('rate-limit-503')) return rateLimitAnswer('1', 503);
  if (traps.fires('rate-limit-400')) return rateLimitAnswer('1', 400);
  if (traps.fires('rate-limit-no-header')) return rateLimitAnswer(undefined);
  if (traps.fires('rate-limit-absurd')) return rateLimitAnswer('31536000');
  return traps.fires('retry-after-zero') ? rateLimitAnswer('0') : undefined;
}

function htmlAnswer(status: number): Answer {
  return { status, headers: { 'content-type': 'text/html; charset=UTF-8' }, body: Buffer.from(html) };
}

/** Puts a lone continuation byte into the first string of the body, after its opening quote. */
function withoutUtf8(body: Buffer): Buffer {
  const quote = body.indexOf('"') + 1;
  return Buffer.concat([body.subarray(0, quote), Buffer.from([0xff, 0xbf]), body.subarray(quote)]);
}
