import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const specification = read('SPEC.md');

const pages = [
  'README.md',
  'SPEC.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'RELIABILITY.md',
  'BENCHMARKS.md',
  'CHANGELOG.md',
  'CONFIGURATION.md',
  'COMPLIANCE.md',
];

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

interface Manifest {
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

function json(path: string): Manifest {
  return JSON.parse(read(path)) as Manifest;
}

/** Each file that a text names for its tests, with the titles that follow it: `test/x.test.ts`: “one” · “another”. */
function namedTests(text: string): (readonly [path: string, title: string])[] {
  return text.split(/(?=`test\/)/).flatMap((part) => {
    const [, path] = /^`(test\/[^`]+\.ts)`:/.exec(part) ?? [];
    if (path === undefined) return [];
    return [...part.matchAll(/“([^”]+)”/g)].map(([, title = '']) => [path, title] as const);
  });
}

interface Invariant {
  readonly number: number;
  readonly name: string;
  /** What follows `**Enforcement:**`, one item each. */
  readonly enforcement: readonly string[];
}

function invariants(): Invariant[] {
  const sections = specification.split(/^##+ /m).filter((section) => /^I\d/.test(section));
  return sections.map((section) => {
    const [, number = '', name = ''] = /^I(\d+) (.+)$/m.exec(section) ?? [];
    const [, list = ''] = section.split('**Enforcement:**\n');
    const enforcement = list.split('\n').filter((line) => line.startsWith('- '));
    return { number: Number(number), name, enforcement };
  });
}

/** A title is the first argument of a call, in whatever quotes the formatter chose. */
function hasTest(source: string, title: string): boolean {
  return ["'", '"', '`'].some((quote) => {
    const written = `${quote}${title.replaceAll(quote, `\\${quote}`)}${quote}`;
    const at = source.indexOf(written);
    return at !== -1 && source.slice(0, at).trimEnd().endsWith('(');
  });
}

/** The anchors that a page gives its headings. */
function anchors(page: string): Set<string> {
  const headings = [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return new Set(headings.map(slug));
}

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s-]/gu, '')
    .replaceAll(/\s/g, '-');
}

function isExternal(target: string): boolean {
  return /^[a-z]+:/.test(target);
}

describe('SPEC.md', () => {
  it('numbers its invariants without gaps', () => {
    const numbers = invariants().map((invariant) => invariant.number);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    expect(numbers.length).toBeGreaterThan(20);
  });

  it.each(invariants().map((invariant) => [`I${invariant.number} ${invariant.name}`, invariant] as const))(
    'names for %s only what exists',
    (_, { enforcement }) => {
      expect(enforcement).not.toEqual([]);
      for (const line of enforcement) {
        const [, path = ''] = /`([^`]+\.ts)`/.exec(line) ?? [];
        expect(existsSync(join(root, path)), path).toBe(true);
        if (line.startsWith('- runtime check')) continue;
        const titles = [...line.matchAll(/“([^”]+)”/g)].map(([, title = '']) => title);
        expect(titles).not.toEqual([]);
        for (const title of titles) expect([title, hasTest(read(path), title)]).toEqual([title, true]);
      }
    },
  );

  it('holds each invariant by a test, and not by a runtime check alone', () => {
    const unheld = invariants().filter(({ enforcement }) =>
      enforcement.every((line) => line.startsWith('- runtime check')),
    );
    expect(unheld).toEqual([]);
  });

  it('refers to assumptions and invariants that it has', () => {
    const known = new Set([
      ...invariants().map(({ number }) => `I${number}`),
      ...[...specification.matchAll(/^\| (A\d+) +\|/gm)].map(([, number = '']) => number),
    ]);
    const named = [...specification.matchAll(/\b([AI]\d{1,2})\b/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('RELIABILITY.md', () => {
  const [, section = ''] = read('RELIABILITY.md').split('## Failure classes\n');
  const classes = [...section.matchAll(/^\| F(\d+) +\|([^|]+)\|(.+)\|$/gm)].map(
    ([, number = '', what = '', held = '']) => ({
      number: Number(number),
      what: what.trim(),
      held: held.trim(),
    }),
  );

  it('numbers its failure classes without gaps', () => {
    expect(classes.map(({ number }) => number)).toEqual(classes.map((_, index) => index + 1));
    expect(classes.length).toBeGreaterThanOrEqual(61);
  });

  it.each(classes.map(({ number, what, held }) => [`F${number}, ${what}`, held] as const))(
    'names tests that exist for %s, or the reason why none can',
    (_, held) => {
      const tests = namedTests(held);
      expect(tests.length > 0 || /^None can: .{20,}/.test(held)).toBe(true);
      const missing = tests.filter(
        ([path, title]) => !existsSync(join(root, path)) || !hasTest(read(path), title),
      );
      expect(missing).toEqual([]);
    },
  );
});

describe('the pages', () => {
  it.each(pages)('%s links only to what is there', (page) => {
    const targets = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    const broken = targets.filter((target) => {
      if (isExternal(target)) return false;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : join(dirname(page), path);
      if (!existsSync(join(root, file))) return true;
      return anchor !== undefined && !anchors(file).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  it.each(pages)('%s names only files that are there', (page) => {
    const named = [...read(page).matchAll(/`((?:src|sinks|config|test|scripts)\/[\w./-]+)`/g)];
    const missing = named.map(([, path = '']) => path).filter((path) => !existsSync(join(root, path)));
    expect(missing).toEqual([]);
  });

  it('are the ones at the root', () => {
    const found = readdirSync(root).filter((name) => name.endsWith('.md'));
    expect(found.toSorted()).toEqual(pages.toSorted());
  });

  it('give every dependency a reason and a licence', () => {
    const table = new Map(
      [...read('CONTRIBUTING.md').matchAll(/^\| `([^`]+)` +\| .+ \| ([\w.-]+) +\|$/gm)].map(
        ([, name = '', licence = '']) => [name, licence] as const,
      ),
    );
    const { dependencies, devDependencies } = json('package.json');
    const names = [...Object.keys(dependencies ?? {}), ...Object.keys(devDependencies ?? {})];
    const real = names.map((name) => [name, json(`node_modules/${name}/package.json`).license]);
    expect(names.map((name) => [name, table.get(name)])).toEqual(real);
  });
});
