import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { LogFormat } from '../src/logger.ts';
import { createLogger } from '../src/stderr-logger.ts';

function logged(format: LogFormat, write: (log: ReturnType<typeof createLogger>) => void): string {
  const lines: string[] = [];
  const terminal = Object.assign(new PassThrough(), { isTTY: format === 'auto' });
  terminal.on('data', (chunk: Buffer) => lines.push(chunk.toString()));
  // Of a terminal's stream the logger needs no more than this.
  const destination = terminal as unknown as NodeJS.WriteStream;
  write(createLogger({ level: 'info', format, destination, color: false }));
  return lines.join('');
}

describe('the logger', () => {
  it('writes one JSON object a line, with the level by its name and the causes of an error', () => {
    const cause = new Error('connection refused');
    const line = logged('json', (log) =>
      log.warn({ error: new Error('not stored', { cause }), attempt: 2 }, 'trying again'),
    );
    expect(JSON.parse(line)).toMatchObject({
      level: 'warn',
      msg: 'trying again',
      attempt: 2,
      error: { message: 'not stored', cause: { message: 'connection refused' } },
    });
  });

  it('writes readable text on a terminal', () => {
    const text = logged('auto', (log) => log.info({ pages: 3 }, 'sweep finished'));
    expect(text).toContain('INFO: sweep finished');
    expect(text).toContain('pages: 3');
  });

  it.each(['json', 'auto'] as const)('hides what looks like a secret in %s', (format) => {
    const text = logged(format, (log) =>
      log.error(
        { url: 'postgres://ledger:hunter2@db.example.com/x' },
        `Bearer CCDB1_abcdefghijklmnopqrstuv_${'x'.repeat(40)}`,
      ),
    );
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('x'.repeat(40));
  });

  it('says nothing below its level', () => {
    expect(logged('json', (log) => log.debug({}, 'page read'))).toBe('');
  });
});
