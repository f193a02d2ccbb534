/**
 * The last line of defence: what looks like a secret is cut out of every line the program prints about itself.
 * The first line is that no secret gets near one. Results (entries, tables) are never changed.
 */
const rules: readonly (readonly [RegExp, string])[] = [
  // API keys: `CCDB1_` + id + `_` + secret; the id alone is no secret and helps to find the key.
  [/\b(CCDB1_[A-Za-z0-9]{6,})_[A-Za-z0-9]{12,}/g, '$1_[hidden]'],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g, '[hidden token]'],
  [/\b([Bb]earer)\s+[^\s"',]{8,}/g, '$1 [hidden]'],
  // The password of any URL with credentials.
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s:@/"']*):[^\s@/"']+@/gi, '$1:[hidden]@'],
  [/([?&](?:password|sslpassword)=)[^&\s"']+/gi, '$1[hidden]'],
];

export function redactSecrets(text: string): string {
  return rules.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text);
}
