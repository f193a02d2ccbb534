/**
 * Everything the real API was seen to do, says it does, or could do; nothing here is invented for its own sake. Each
 * trap has a line of explanation and a rate: a number is how often it fires when nothing else is asked for, chosen so
 * that whoever tries again gets through; `always` is what it says; `history` shapes the entries themselves, so it can
 * only be set at the start.
 */
export const trapTable = {
  // The history.
  'big-ties': ['history', 'groups of 1,200 entries share one microsecond'],
  nanoseconds: ['history', 'created_at has nine fraction digits'],
  'offset-timestamps': ['history', 'created_at has an offset such as +02:00 instead of Z'],
  'non-uuid-ids': ['history', 'every third id is not a UUID'],
  'no-id': ['history', 'some entries have no id'],
  'no-created-at': ['history', 'some entries have no created_at'],
  // Positions.
  inclusive: ['always', 'starting_from includes the entries of its own time, in both directions'],
  'exclusive-then-inclusive': ['always', 'starting_from is exclusive for four pages, then inclusive'],
  'tail-now': ['always', 'at the end of ASC, next_starting_from is the server’s time'],
  'tail-last': ['always', 'at the end of ASC, next_starting_from is the newest entry’s time'],
  'tail-absent': ['always', 'at the end of ASC, next_starting_from is missing'],
  'tail-echo': ['always', 'at the end of ASC, next_starting_from echoes the request, entries or not'],
  'tail-future': ['always', 'at the end of ASC, next_starting_from is a day ahead'],
  'tail-repeats-entries': ['always', 'at the end of ASC, the newest entries are sent again and again'],
  'desc-end-empty': ['always', 'DESC ends with an empty page without next_starting_from'],
  'entries-null': ['always', '"entries": null where there are none'],
  'entries-missing': ['always', 'no "entries" where there are none'],
  'seconds-cursor': ['always', 'next_starting_from is cut to whole seconds'],
  'stuck-cursor': [0.2, 'next_starting_from does not advance although there are entries'],
  'backward-cursor': [0.2, 'next_starting_from lies an hour before what was asked for'],
  'short-pages': [0.5, 'fewer entries than the limit although there are more'],
  'empty-pages': [0.3, 'a page without entries, though more follow after its next_starting_from'],
  'limit-refused': ['always', 'a limit above 200 is answered 400'],
  // Entries.
  'payload-object': ['always', 'every payload is an object'],
  'payload-string': ['always', 'every payload is a string'],
  'payload-drift': ['always', 'the payload of an entry is a string in one answer and an object in the next'],
  'late-entries': ['always', 'entries appear up to ten minutes after their created_at'],
  'very-late-entries': ['always', 'entries appear up to forty hours after their created_at'],
  'repeated-ids': [0.3, 'pages begin with a few entries from before starting_from'],
  'changed-entries': ['always', 'some entries have other content when they are sent again'],
  // Versions.
  'invalid-version-echo': ['always', 'the answer’s Cc-Version is another one than was asked for'],
  'version-refused': ['always', 'every Cc-Version is answered 400 as invalid'],
  'version-old-404': ['always', 'the audit log is missing under every version but the newest'],
  'old-versions-serve': ['always', 'the audit log is there under the versions of 2022 too'],
  'unversioned-is-oldest': ['always', 'requests without Cc-Version are answered in 2022-03-31'],
  // Refusals.
  unauthorized: ['always', 'every request is answered 401'],
  forbidden: ['always', 'every request is answered 403'],
  'feature-off': ['always', 'the audit log is answered 404'],
  'organization-404': ['always', 'GET /api/v1/organization is answered 404'],
  redirect: ['always', 'every request is redirected to another host'],
  // Broken answers.
  'server-error': [0.1, '500 with a status body'],
  unavailable: [0.1, '503 without Retry-After'],
  'status-partial': [0.1, '500 with nothing but a message'],
  'status-empty': [0.1, '500 with {}'],
  'html-502': [0.1, '502 with an HTML page'],
  'html-200': [0.1, '200 with an HTML page'],
  'cut-body': [0.1, '200 with JSON that ends in the middle'],
  'short-body': [0.1, 'the connection ends before Content-Length is reached'],
  'empty-body': [0.1, '200 without a body'],
  'not-utf8': [0.1, '200 with bytes that are not UTF-8 inside a string'],
  'hang-headers': [0.05, 'no answer at all; the connection stays open'],
  'hang-body': [0.05, 'headers and half a body, then nothing'],
  'drip-body': [0.05, 'the body comes in a few bytes at a time'],
  reset: [0.05, 'the connection is reset before an answer'],
  'reset-after-write': [0.5, 'a write is carried out, then the connection is reset'],
  'giant-body': [0.05, '200 with a body that never ends'],
  'pretty-printed': ['always', 'bodies have line breaks and indentation'],
  // The rate limit.
  'rate-limit-429-seconds': [0.1, '429 with Retry-After in seconds'],
  'rate-limit-429-date': [0.1, '429 with Retry-After as a date'],
  'rate-limit-503': [0.1, '503 with Retry-After'],
  'rate-limit-400': [0.1, '400 with Retry-After and the rate limit’s message'],
  'rate-limit-no-header': [0.1, '429 without Retry-After'],
  'rate-limit-absurd': [0.1, '429 with Retry-After of a year'],
  'retry-after-zero': [0.1, '429 with Retry-After: 0'],
  // The clock.
  'clock-skew': ['always', 'the Date header is ten minutes behind the entries'],
  'clock-ahead': ['always', 'the Date header is ten minutes ahead of the entries'],
  'no-date': ['always', 'no Date header'],
  // Clusters, regions, users.
  'delete-empty': ['always', 'deleting a cluster answers an empty body'],
  'delete-object': ['always', 'deleting a cluster answers {}'],
  'regions-strings': ['always', 'available regions are strings'],
  'spend-limit-gone': ['always', 'PUT spend-limit is answered 404 under every version'],
  'spend-limit-405': ['always', 'PUT spend-limit is answered 405'],
  'spend-limit-501': ['always', 'PUT spend-limit is answered 501'],
  'spend-limit-everywhere': ['always', 'PUT spend-limit works under every version'],
  'pagination-null': ['always', '"pagination": null in lists'],
  'pagination-integers': ['always', 'pagination of the first generation, with integers'],
  'creation-fails': ['always', 'clusters end in CREATION_FAILED'],
  'inactive-hidden': ['always', 'show_inactive has no effect, as for a role without organization scope'],
  'unknown-enums': ['always', 'states and plans that no specification names'],
  'fields-missing': ['always', 'clusters lack the required fields that the guide’s examples lack'],
} as const;

export type TrapName = keyof typeof trapTable;
