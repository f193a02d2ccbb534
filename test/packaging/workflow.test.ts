import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Workflow {
  readonly permissions: object;
  readonly jobs: Readonly<
    Record<
      string,
      {
        readonly permissions: object;
        readonly 'timeout-minutes': number;
        readonly strategy?: { readonly matrix: { readonly node: readonly string[] } };
        readonly steps: readonly Step[];
      }
    >
  >;
}

const root = new URL('../../', import.meta.url);
const folder = new URL('.github/workflows/', root);

describe.each(await readdir(folder))('the workflow %s', async (file) => {
  const content = await readFile(new URL(file, folder), 'utf8');
  const workflow = parse(content) as Workflow;
  const jobs = Object.values(workflow.jobs);
  const steps = jobs.flatMap((job) => job.steps);

  test('pins every action by a commit, and names its version beside it', () => {
    const uses = content.split('\n').filter((line) => line.includes('uses:'));
    expect(uses).toHaveLength(steps.filter((step) => step.uses !== undefined).length);
    for (const line of uses) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test('may read the code and nothing else, and keeps no credentials', () => {
    expect(workflow.permissions).toEqual({});
    for (const job of jobs) expect(job.permissions).toEqual({ contents: 'read' });
    for (const step of steps.filter(({ uses }) => uses?.startsWith('actions/checkout@') ?? false)) {
      expect(step.with?.['persist-credentials']).toBe(false);
    }
    expect(content).not.toContain('secrets.');
  });

  test('ends by itself', () => {
    for (const job of jobs) expect(job['timeout-minutes']).toBeLessThanOrEqual(60);
  });
});

test('every supported Node runs all checks and all tests', async () => {
  const workflow = parse(await readFile(new URL('ci.yml', folder), 'utf8')) as Workflow;
  const job = workflow.jobs['test'];
  expect(job?.strategy?.matrix.node).toEqual(['20', '22', '24']);
  const commands = job?.steps.flatMap(({ run }) => run ?? []);
  expect(commands).toEqual(['npm ci', 'npm run check', 'npm test']);
  const { engines } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as {
    engines: { node: string };
  };
  const pinned = (await readFile(new URL('.nvmrc', root), 'utf8')).trim();
  expect(engines.node).toBe(`>=${pinned}`);
});
