import { Verbatim, type JsonValue } from './json-text.ts';

/** What one entry in sixteen has in its payload or around it; each is something a JSON API may send. */
export interface Oddity {
  readonly payload?: JsonValue;
  /** A payload that is a string and holds no JSON. */
  readonly payloadText?: string;
  /** Members that the known entry lacks, or in place of a known one. */
  readonly members?: Readonly<Record<string, JsonValue>>;
  /** Members left out. */
  readonly without?: readonly string[];
}

const verbatim = (text: string): Verbatim => new Verbatim(text);

/** Told apart by their place: entry 16 × n has oddity n, then they begin again. */
export const oddities: readonly Oddity[] = [
  { members: { action: 'AUDIT_LOG_ACTION_TELEPORT_CLUSTER' } },
  { members: { source: 'AUDIT_LOG_SOURCE_CARRIER_PIGEON' } },
  { members: { risk_score: verbatim('0.10000000000000000000001'), actor: { kind: 'robot', tags: [] } } },
  { members: { system_actor_name: 'SYSTEM_ACTOR_NAME_SYSTEM', user_email: '', service_account_name: '' } },
  { without: ['service_account_name'] },
  { members: { metadata: null } },
  { members: { metadata: { ip_address: '' } } },
  { members: { metadata: { ip_address: '198.51.100.7', user_agent: 'curl/8.5.0' } } },
  { members: { error: 'rpc error: code = PermissionDenied desc = "no role"\n\tat line 2' } },
  { payload: null },
  { payload: {} },
  { payload: [] },
  { payloadText: '' },
  { payloadText: 'plain words, not JSON' },
  { payloadText: '{"cut": "of' },
  { payload: 'a JSON string' },
  { payload: 42 },
  { payload: { big: verbatim('9007199254740993'), bigger: verbatim('123456789012345678901234567890') } },
  {
    payload: {
      huge: verbatim('1e400'),
      tiny: verbatim('1E-400'),
      zero: verbatim('-0'),
      padded: verbatim('1.50'),
    },
  },
  { payload: { pi: verbatim('3.14159265358979323846264338327950288419716939937510') } },
  { payload: { nul: verbatim(String.raw`"a\u0000b"`), name: 'has a zero character' } },
  { payload: { lone: verbatim(String.raw`"\ud83d and \uDE00 apart"`) } },
  { payload: { path: verbatim(String.raw`"a\/b\/c"`), upper: verbatim(String.raw`"\u00E9\u00e9\u000A"`) } },
  { payload: { text: 'naïve 日本語 🦊 e\u0301 \u{1F469}\u200D\u{1F4BB}', separators: 'a\u2028b\u2029c' } },
  { payload: { name: 'שלום \u202Eoverride\u202C مرحبا' } },
  { payload: { name: '\u001B[31mred\u001B[0m \u001B]0;title\u0007\r\nnext\tcell' } },
  { payload: verbatim('{"twice":1,"twice":2,"Twice":3,"twice ":4}') },
  {
    payload: verbatim(
      String.raw`{"":"empty key","\u0061":"escaped key","__proto__":{"admin":true},"constructor":null}`,
    ),
  },
  { payload: verbatim(`${'['.repeat(90)}${']'.repeat(90)}`) },
  {
    payload: {
      sql: 'SET CLUSTER SETTING x = \'y\'; -- "quoted" \\ back',
      formula: '=1+1',
      csv: 'a,"b",\'c\'',
    },
  },
  { payload: { password: '[REDACTED]', apiKey: 'CCDB1_[REDACTED]', nested: { secret: '***' } } },
  { payload: { text: 'x'.repeat(20_000) } },
  { members: { cluster_id: '', cluster_name: '', session_id: '', trace_id: '' } },
  { members: { created_by: null, labels: {}, counts: [0, verbatim('18446744073709551616'), false] } },
];
