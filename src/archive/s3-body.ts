import { SinkError } from '../../sinks/sink-error.ts';

export type ObjectBody = AsyncIterable<Uint8Array> & { destroy(error?: Error): void };

export interface BodyLimits {
  readonly bytesMax: number;
  /** How long the next piece may take. */
  readonly silenceMs: number;
  /** For the error's sentence. */
  readonly key: string;
}

/** The whole body of an answer, or a SinkError when it is too large, or the stream's error. Ends the stream in any case. */
export async function readBounded(
  body: ObjectBody,
  length: number | undefined,
  limits: BodyLimits,
): Promise<Buffer> {
  const tooLarge = new SinkError(
    `The object ${limits.key} has more than the ${limits.bytesMax} bytes that were expected. It is not one of the archive's.`,
    { code: 'object_too_large', retryable: false },
  );
  const silent = Object.assign(new Error('The object stopped coming.'), { code: 'ETIMEDOUT' });
  const timer = setTimeout(() => body.destroy(silent), limits.silenceMs);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    if (length !== undefined && length > limits.bytesMax) throw tooLarge;
    for await (const chunk of body) {
      timer.refresh();
      bytes += chunk.length;
      if (bytes > limits.bytesMax) throw tooLarge;
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(timer);
    body.destroy();
  }
  return Buffer.concat(chunks, bytes);
}

/** The SDK's type covers browsers too; on Node it is a stream. */
export function isBody(body: unknown): body is ObjectBody {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body && 'destroy' in body;
}
