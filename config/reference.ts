/** CONFIGURATION.md out of the schema, so that the two can't differ. */
import { jsonSchema, type JsonSchema } from './schema.ts';

/** The whole page. */
export function configurationPage(): string {
  const schema = jsonSchema();
  const groups = Object.entries(schema.properties ?? {});
  const single = groups.filter(([, value]) => formsOf(value).length === 0);
  const sections = groups.filter(([, value]) => formsOf(value).length > 0);
  return [
    introduction,
    '## Top level\n',
    table(single, schema.required),
    ...sections.map(([name, value]) => section(name, value)),
    closing,
  ].join('\n');
}

const introduction = `# Configuration

<!-- Made from the schema by \`npm run docs:configuration\`; change the schema, not this page. -->

The file is the one of \`--config\`, else of \`CCLOUD_AUDIT_CONFIG\`, else there is none; no other place is searched.
\`ccloud-audit config init\` writes a commented one, \`config check\` validates it and tries every connection,
\`config show\` prints what is in force with secrets hidden, \`config schema\` prints a JSON Schema for editors.

- Durations and sizes carry units: \`500ms\`, \`30s\`, \`15m\`, \`48h\`, \`90d\`, \`2w\`; \`512B\`, \`64KiB\`, \`16MiB\`, \`1GiB\` (and \`KB\`, \`MB\`, \`GB\`).
- Times are RFC 3339 (\`2024-01-31T00:00:00Z\`), a date (its beginning in UTC) or an age (\`90d\`, counted from the start of the program).
- \`\${VAR}\` and \`\${VAR:-text}\` are filled in where they are the whole value, after parsing, and only once; an unset variable is an
  error, one that is set to nothing takes the text after \`:-\`. \`$$\` stands for \`$\`. Text from a variable also serves as a number or
  as true or false.
- An unknown key is an error. All problems are reported in one go, each with its place.
- Relative paths start in the directory where the program was started.
- Flags win over environment variables, and those over the file.

## Environment

| Variable | Meaning |
| --- | --- |
| \`CCLOUD_AUDIT_CONFIG\` | The configuration file, unless \`--config\` names one. |
| \`COCKROACH_API_KEY\` | The API key. Without a file (or without \`organizations\` in it) it is all that \`run\` and \`backfill\` need; in a file with one organization it takes the place of that one's key. With several it is used only where \`\${COCKROACH_API_KEY}\` names it. |
| \`COCKROACH_SERVER\` | Overrides \`api.url\`. |
| \`CCLOUD_AUDIT_LOG_LEVEL\` | Overrides \`log.level\`; \`--log-level\` overrides both. |
| \`CCLOUD_AUDIT_SERVER_HOST\`, \`CCLOUD_AUDIT_SERVER_PORT\` | Override \`server.host\` and \`server.port\`. |
| \`HTTPS_PROXY\`, \`NO_PROXY\`, \`NODE_EXTRA_CA_CERTS\` | Hold for the Cloud API as usual. |
| \`NO_COLOR\` | No colours, whatever its value. |
`;

const closing = `## Examples

Complete files are in [config/examples](config/examples): entries to [PostgreSQL](config/examples/postgres.yaml), an archive in
[S3](config/examples/s3.yaml), lines for a [SIEM](config/examples/siem-stdout.yaml) to pick up, [everything](config/examples/everything.yaml)
at once, and [what docker-compose.yml runs](config/examples/compose.yaml).
`;

function section(path: string, schema: JsonSchema): string {
  const heading = `## ${path}\n\n${sentence(schema)}\n`;
  const isList = schema.items !== undefined;
  const forms = formsOf(schema);
  const parts = forms.map((form) => {
    const type = form.properties?.['type'];
    const title =
      type === undefined ? '' : `### ${path}: ${code(type.const)}\n\n${type.description ?? ''}\n\n`;
    return `${title}${table(rows(form), form.required)}`;
  });
  return [heading, ...(isList ? ['A list; each item has:\n'] : []), ...parts].join('\n');
}

/** Keys with those of nested groups right after their group, as `roll.entries`. */
function rows(form: JsonSchema, above = ''): readonly (readonly [string, JsonSchema])[] {
  return Object.entries(form.properties ?? {}).flatMap(([key, value]) => [
    [`${above}${key}`, value] as const,
    ...formsOf(value).flatMap((inner) => rows(inner, `${above}${key}.`)),
  ]);
}

function table(
  entries: readonly (readonly [string, JsonSchema])[],
  required: readonly string[] = [],
): string {
  const lines = entries.map(([key, schema]) => {
    const standard = required.includes(key) ? '**required**' : standardOf(schema);
    return `| \`${key}\` | ${typeOf(schema)} | ${standard} | ${cell(sentence(schema))} |`;
  });
  return ['| Key | Type | Default | Meaning |', '| --- | --- | --- | --- |', ...lines, ''].join('\n');
}

function standardOf(schema: JsonSchema): string {
  const { default: value } = schema;
  if (value === undefined || typeof value === 'object') return '';
  return value === '' ? 'empty' : code(value);
}

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(code).join(', ');
  if (formsOf(schema).length > 0) return schema.items === undefined ? 'group' : 'list of groups';
  if (schema.items !== undefined) return 'list';
  if (schema.type === 'boolean') return 'true or false';
  if (schema.type === 'integer' || schema.type === 'number') {
    return `${String(schema['minimum'])} to ${String(schema['maximum'])}`;
  }
  const { default: value } = schema;
  if (typeof value === 'string' && /^\d+(ms|s|m|h|d|w)$/.test(value)) return 'duration';
  if (typeof value === 'string' && /^\d+(KiB|MiB|GiB|B)$/.test(value)) return 'size';
  return 'text';
}

function code(value: unknown): string {
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function formsOf(schema: JsonSchema): readonly JsonSchema[] {
  const inner = schema.items ?? schema;
  return (inner.oneOf ?? inner.anyOf ?? [inner]).filter((form) => form.properties !== undefined);
}

function sentence(schema: JsonSchema): string {
  return schema.description ?? '';
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
