/** The plainest possible client, so that the sandbox's tests do not lean on the program that the sandbox tests. */
import type { Sandbox } from '../../src/sandbox/index.ts';

export interface Called {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined where it is no JSON. */
  readonly json: Record<string, unknown>;
}

export interface CallOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly version?: string | undefined;
  readonly key?: string;
}

/** A call below `/api/v1/`. */
export async function call(sandbox: Sandbox, path: string, options: CallOptions = {}): Promise<Called> {
  const version = 'version' in options ? options.version : '2024-09-16';
  const response = await fetch(`${sandbox.url}/api/v1/${path}`, {
    method: options.method ?? 'GET',
    redirect: 'manual',
    headers: {
      authorization: `Bearer ${options.key ?? sandbox.apiKey}`,
      ...(version === undefined ? {} : { 'cc-version': version }),
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  return described(response);
}

export async function described(response: Response): Promise<Called> {
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: parsed(text) };
}

export interface Page {
  readonly ids: readonly unknown[];
  readonly entries: readonly Record<string, unknown>[];
  readonly next: string | undefined;
  readonly text: string;
}

export async function page(
  sandbox: Sandbox,
  query: Readonly<Record<string, string | number>> = {},
  options: CallOptions = {},
): Promise<Page> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) search.set(name, String(value));
  const { json, text } = await call(sandbox, `auditlogevents?${search.toString()}`, options);
  const entries = (json['entries'] ?? []) as Record<string, unknown>[];
  const next = json['next_starting_from'];
  return { entries, ids: entries.map((entry) => entry['id']), next: next as string | undefined, text };
}

/** Follows the positions until a page has nothing new and goes nowhere, or has none; gives every page. */
export async function walk(
  sandbox: Sandbox,
  query: Readonly<Record<string, string | number>> = {},
  pagesMax = 500,
): Promise<readonly Page[]> {
  const pages: Page[] = [];
  let from: string | undefined;
  while (pages.length < pagesMax) {
    const next: Page = await page(sandbox, {
      ...query,
      ...(from === undefined ? {} : { starting_from: from }),
    });
    pages.push(next);
    if (next.next === undefined || next.next === from) return pages;
    from = next.next;
  }
  return pages;
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
