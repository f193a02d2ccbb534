import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { findingCodes } from '../../../src/proof/verify/findings.ts';

test('the page for auditors names every kind of finding', () => {
  const page = readFileSync(new URL('../../../COMPLIANCE.md', import.meta.url), 'utf8');
  const missing = Object.keys(findingCodes).filter((code) => !page.includes(`\`${code}\``));
  expect(missing).toEqual([]);
});
