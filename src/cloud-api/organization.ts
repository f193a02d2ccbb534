import type { OrganizationInfo } from './audit-page.ts';
import type { Caller } from './caller.ts';
import { CloudApiError } from './cloud-api-error.ts';
import { readJsonObject } from './json-body.ts';
import { malformed } from './json-scan.ts';

/** The key's organization; undefined where the API does not have the path (it came with version 2022-09-20). */
export async function getOrganization(
  caller: Caller<'GET'>,
  options: { readonly signal: AbortSignal },
): Promise<OrganizationInfo | undefined> {
  try {
    return await caller.call({
      method: 'GET',
      path: '/organization',
      priority: 'tail',
      signal: options.signal,
      role: 'a role in the organization; for the audit log it is the Organization Admin role',
      read(answer): OrganizationInfo {
        const found = readJsonObject(answer.body);
        const { id, name, label, created_at: createdAt } = found;
        if (typeof id !== 'string' || id === '') throw malformed('the organization has no id');
        return {
          id,
          name: typeof name === 'string' ? name : '',
          label: typeof label === 'string' ? label : '',
          createdAt: typeof createdAt === 'string' && createdAt !== '' ? createdAt : undefined,
        };
      },
    });
  } catch (error) {
    if (error instanceof CloudApiError && error.code === 'not_found') return undefined;
    throw error;
  }
}
