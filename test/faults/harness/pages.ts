/** What a daemon tells over HTTP, searched for the secrets that it was given. */
import { leaksIn } from '../../helpers/planted-secrets.ts';

/** All that there are, and one that there is not. */
const pages = {
  '/metrics': /^ccloud_audit_build_info/m,
  '/status': /"(?:organizations|error)"/,
  '/readyz': /"ready":/,
  '/healthz': /"ok"/,
  '/no-such-page': /There is no such page/,
} as const;

/** Findings for a page that tells a secret, in its headers or its body, and for one that does not answer as itself. */
export async function pageFindings(port: number, secrets: readonly string[]): Promise<string[]> {
  const findings: string[] = [];
  for (const [path, expected] of Object.entries(pages)) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(20_000) });
    const body = await response.text();
    if (!expected.test(body)) findings.push(`${path} answered ${response.status}: ${body.slice(0, 200)}`);
    const leaks = leaksIn(JSON.stringify([...response.headers]) + body, secrets);
    if (leaks.length > 0) findings.push(`${path} tells secrets: ${leaks.join(', ')}`);
  }
  return findings;
}
