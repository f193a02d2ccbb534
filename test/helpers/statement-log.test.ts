import { expect, it } from 'vitest';
import { StatementLog } from './statement-log.ts';

it('keeps each statement of one application once, over lines and cut pieces', () => {
  const log = new StatementLog('program');
  const text = [
    'tests|LOG:  statement: LISTEN x',
    'program|LOG:  statement: BEGIN',
    'program|LOG:  execute <unnamed>: UPDATE a',
    '\tSET b = 1',
    'program|ERROR:  duplicate key',
    'program|STATEMENT:  INSERT',
    'program|LOG:  statement: BEGIN',
    'program|LOG:  execute s1: SELECT 1',
  ].join('\n');
  for (const piece of text.match(/[^]{1,7}/g) ?? []) log.add(piece);
  log.end();
  expect([...log.statements]).toEqual(['BEGIN', 'UPDATE a\nSET b = 1', 'SELECT 1']);
});
