import { expect, it } from 'vitest';
import { withoutPaths } from './plain-words.ts';

it('leaves the places of a machine out of what a program said, and nothing else', () => {
  expect(withoutPaths('File "/home/somebody/lib/python3/x.py", line 3: 5/6 of a/b failed')).toBe(
    'File "…", line 3: 5/6 of a/b failed',
  );
});
