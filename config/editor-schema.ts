import { jsonSchema, type JsonSchema } from './schema.ts';

const variable: JsonSchema = { type: 'string', pattern: '^\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^{}]*)?\\}$' };

/** The JSON Schema for editors: like the schema itself, and a value may be a `${VAR}` that is filled in later. */
export function editorSchema(): JsonSchema {
  return { title: 'Configuration of ccloud-audit', ...withVariables(jsonSchema()) };
}

function withVariables(schema: JsonSchema): JsonSchema {
  const { properties, items, oneOf, anyOf } = schema;
  if (properties !== undefined) {
    return {
      ...schema,
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, value]) => [key, withVariables(value)]),
      ),
    };
  }
  if (items !== undefined) return { ...schema, items: withVariables(items) };
  if (oneOf !== undefined) return { ...schema, oneOf: oneOf.map(withVariables) };
  if (anyOf !== undefined) return { ...schema, anyOf: anyOf.map(withVariables) };
  // Text without rules of its own takes a variable as it is; a sink's `type` decides about its form and stays fixed.
  const isFree = schema.type === 'string' && schema['pattern'] === undefined && schema.enum === undefined;
  if (isFree || schema.const !== undefined) return schema;
  const { description, default: standard, ...rules } = schema;
  return {
    ...(description === undefined ? {} : { description }),
    ...(standard === undefined ? {} : { default: standard }),
    anyOf: [rules, variable],
  };
}
