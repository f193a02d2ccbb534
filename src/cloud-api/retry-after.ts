/** `Retry-After` (https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3): seconds, or one of the three forms of an HTTP date. */

const seconds = /^\d+(?:\.\d+)?$/;
const httpDate = /^[A-Za-z]+, \d{2}[ -][A-Za-z]{3}[ -]\d{2,4} \d{2}:\d{2}:\d{2} GMT$/;
const asctimeDate = /^[A-Za-z]{3} [A-Za-z]{3} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

/**
 * Milliseconds to wait, zero for a time that has passed; undefined when the header is missing or unreadable.
 * `nowMs` should be the answer's own `Date`, so that a clock that is wrong here does no harm.
 */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? '';
  if (seconds.test(text)) return Math.min(Number(text) * 1000, Number.MAX_SAFE_INTEGER);
  const time = parseHttpDate(text);
  return time === undefined ? undefined : Math.max(0, time - nowMs);
}

/** An HTTP date as milliseconds since 1970; undefined when it is missing or unreadable. */
export function parseHttpDate(value: string | undefined): number | undefined {
  const text = value?.trim() ?? '';
  // asctime is in UTC but does not say so.
  const time = httpDate.test(text)
    ? Date.parse(text)
    : asctimeDate.test(text)
      ? Date.parse(`${text} GMT`)
      : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
