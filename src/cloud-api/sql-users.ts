/** The SQL users of a cluster. Passwords go into request bodies and nowhere else. */
import { pathOf, type Caller } from './caller.ts';
import { type CallOptions, withText } from './clusters.ts';
import type { ReadMethod, TransportAnswer, WriteMethod } from './http-transport.ts';
import { readJsonObject } from './json-body.ts';
import { listAll } from './paged-list.ts';

export interface SqlUser {
  readonly name: string;
  readonly [field: string]: unknown;
}

/** Whose user, by the cluster's id and the user's name. */
export interface SqlUserName {
  readonly clusterId: string;
  readonly name: string;
}

type AnyCaller = Caller<ReadMethod | WriteMethod>;

const adminRole = 'the Cluster Admin role';
const userMissing =
  'There is no such cluster or SQL user, this key may not see it, or the cluster is still being created.';

export async function listSqlUsers(
  caller: AnyCaller,
  clusterId: string,
  options: CallOptions,
): Promise<SqlUser[]> {
  return await listAll(caller, {
    path: `/clusters${pathOf(clusterId)}/sql-users`,
    field: 'users',
    role: 'the Cluster Admin, Cluster Operator or Cluster Developer role',
    notFound: 'There is no such cluster, this key may not see it, or it is still being created.',
    signal: options.signal,
    readItem: (value) => withText(value, 'name', 'a SQL user'),
  });
}

export async function createSqlUser(
  caller: AnyCaller,
  user: SqlUserName & { readonly password: string },
  options: CallOptions,
): Promise<SqlUser> {
  return await caller.call({
    method: 'POST',
    path: `/clusters${pathOf(user.clusterId)}/sql-users`,
    body: { name: user.name, password: user.password },
    secrets: [user.password],
    role: adminRole,
    notFound: 'There is no such cluster, this key may not see it, or it is still being created.',
    signal: options.signal,
    read: (answer) => readUser(answer, user.name),
  });
}

export async function deleteSqlUser(
  caller: AnyCaller,
  user: SqlUserName,
  options: CallOptions,
): Promise<SqlUser> {
  return await caller.call({
    method: 'DELETE',
    path: `/clusters${pathOf(user.clusterId)}/sql-users${pathOf(user.name)}`,
    role: adminRole,
    notFound: userMissing,
    signal: options.signal,
    read: (answer) => readUser(answer, user.name),
  });
}

export async function setSqlUserPassword(
  caller: AnyCaller,
  user: SqlUserName & { readonly password: string },
  options: CallOptions,
): Promise<SqlUser> {
  return await caller.call({
    method: 'PUT',
    path: `/clusters${pathOf(user.clusterId)}/sql-users${pathOf(user.name)}/password`,
    body: { password: user.password },
    secrets: [user.password],
    role: adminRole,
    notFound: userMissing,
    signal: options.signal,
    read: (answer) => readUser(answer, user.name),
  });
}

/** Early servers answered nothing or `{}`; the name is then the one that was asked for. */
function readUser(answer: TransportAnswer, name: string): SqlUser {
  if (answer.body.toString('latin1').trim() === '') return { name };
  return { name, ...readJsonObject(answer.body) };
}
