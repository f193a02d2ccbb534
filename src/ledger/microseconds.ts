/** Times as the database gives them without losing digits: whole microseconds. */
import { nanos, type Nanos } from '../time.ts';

/** SQL for a `timestamptz` as microseconds since 1970. */
export function microseconds(time: string): string {
  return `CAST(extract(epoch FROM ${time}) * 1000000 AS int8)`;
}

export function fromMicroseconds(count: string): Nanos {
  return nanos(BigInt(count) * 1000n);
}
