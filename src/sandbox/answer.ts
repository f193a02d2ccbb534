/** What the sandbox answers, before a trap spoils it. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** gRPC codes and the HTTP statuses that grpc-gateway gives them (https://github.com/grpc-ecosystem/grpc-gateway). */
const codes = {
  invalidArgument: { code: 3, status: 400 },
  notFound: { code: 5, status: 404 },
  alreadyExists: { code: 6, status: 409 },
  permissionDenied: { code: 7, status: 403 },
  resourceExhausted: { code: 8, status: 429 },
  failedPrecondition: { code: 9, status: 400 },
  unimplemented: { code: 12, status: 501 },
  methodNotAllowed: { code: 12, status: 405 },
  internal: { code: 13, status: 500 },
  unavailable: { code: 14, status: 503 },
  unauthenticated: { code: 16, status: 401 },
  tooLarge: { code: 8, status: 413 },
} as const;

export type RefusalName = keyof typeof codes;

/** Thrown anywhere in an operation to answer with a status body. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly answer: Answer;

  constructor(name: RefusalName, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    const { code, status } = codes[name];
    this.answer = { ...jsonAnswer({ code, message, details: [] }, status), headers };
  }
}

export function jsonAnswer(value: unknown, status = 200): Answer {
  return { status, body: Buffer.from(JSON.stringify(value)) };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
