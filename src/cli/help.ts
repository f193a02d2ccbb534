/** What `--help` says below the commands and options. */

export const overview = `Copies every audit log entry of a CockroachDB Cloud organization into places you own, once and in order.`;

export const closing = `
Examples:
  $ export COCKROACH_API_KEY=…                                      # secret of a service account
  $ ccloud-audit config init ccloud-audit.yaml                      # a commented file to begin with
  $ ccloud-audit config check --config ccloud-audit.yaml            # validate it, try every connection

Exit codes:
  0  done
  1  unexpected
  2  usage or configuration
  3  the Cloud API refused or can't be used (key, role, feature, version, unreachable)
  4  the store or a sink is unavailable
  5  another process holds the lease or the embedded store
  6  verification or reconciliation found something
  7  done, but entries are parked
  130, 143  stopped by SIGINT or SIGTERM

Environment:
  COCKROACH_API_KEY       the API key; without a configuration file it is all that is needed
  COCKROACH_SERVER        the Cloud API's address instead of https://cockroachlabs.cloud
  CCLOUD_AUDIT_CONFIG     the configuration file, unless --config names one
  CCLOUD_AUDIT_LOG_LEVEL  as --log-level
  HTTPS_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS, NO_COLOR

\`ccloud-audit COMMAND --help\` says more about each command.
`;

export function examplesText(examples: readonly string[] | undefined): string {
  if (examples === undefined || examples.length === 0) return '';
  return `\nExamples:\n${examples.map((line) => `  $ ${line}`).join('\n')}\n`;
}
