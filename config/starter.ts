/** What `config init` writes: short enough to read, right as it is once its variables are set. */
export const starterFile: string = `# Configuration of ccloud-audit. Check it with: ccloud-audit config check --config THIS_FILE
# All keys: CONFIGURATION.md, or as a JSON Schema: ccloud-audit config schema

organizations:
  # A label of your own; it becomes part of paths and metrics.
  - name: my-organization
    # The secret of a service account with the Organization Admin role.
    apiKey: \${COCKROACH_API_KEY}
    # apiKeyFile: /run/secrets/cockroach-api-key   # instead of apiKey; read again when it changes
    # startFrom: 2023-01-01T00:00:00Z              # default: the organization's creation

# The database that remembers what was read and delivered. The embedded one is for trials and single hosts;
# it does not survive a power loss. For production give the URL of a PostgreSQL or CockroachDB database, such as
# postgres://ccloud_audit:PASSWORD@db.example.com/ccloud_audit?sslmode=verify-full
store:
  url: \${CCLOUD_AUDIT_STORE_URL:-pglite:./ccloud-audit-data}

# Where entries go. Every sink has its own offset: one that is down holds back only itself.
sinks:
  - name: console
    type: stdout

  # A table in PostgreSQL or CockroachDB. Without url: the store's own database.
  # - name: warehouse
  #   type: postgres
  #   url: \${WAREHOUSE_URL}

  # The archive in a bucket. Credentials come from the AWS SDK's own chain.
  # - name: archive
  #   type: s3
  #   bucket: my-audit-bucket
  #   prefix: cockroach-cloud
  #   region: eu-west-1

  # The same archive in a directory.
  # - name: disk
  #   type: file
  #   directory: ./archive

# Signs the digests of archives: ccloud-audit key generate makes the key.
# signing:
#   keyFile: /run/secrets/archive-key.pem
`;
