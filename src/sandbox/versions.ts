import { Refusal } from './answer.ts';

/** The published versions of the API, oldest first; `Cc-Version` names one. */
const apiVersions = ['2022-03-31', '2022-09-20', '2023-04-10', '2024-09-16'] as const;

export type ApiVersion = (typeof apiVersions)[number];

export const oldestVersion: ApiVersion = '2022-03-31';
export const newestVersion: ApiVersion = '2024-09-16';

/** The version of a request; without the header it is `unversioned`. Throws the API's own 400 for any other text. */
export function apiVersion(header: string | undefined, unversioned: ApiVersion): ApiVersion {
  if (header === undefined) return unversioned;
  const version = apiVersions.find((known) => known === header.trim());
  if (version === undefined) throw new Refusal('invalidArgument', 'invalid Cc-Version.');
  return version;
}
