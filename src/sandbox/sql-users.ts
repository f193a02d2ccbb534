import { jsonAnswer, Refusal, type Answer } from './answer.ts';
import type { ApiRequest } from './api-request.ts';
import { bodyObject, member } from './cluster-body.ts';
import type { Clusters, RecordAction } from './clusters.ts';
import { paginated, type ListContext } from './pagination.ts';

export interface SqlUsersOptions extends ListContext {
  readonly clusters: Clusters;
  readonly record: RecordAction;
}

/** The SQL users of a cluster. Passwords are checked for being there and then forgotten. */
export class SqlUsers {
  readonly #options: SqlUsersOptions;

  constructor(options: SqlUsersOptions) {
    this.#options = options;
  }

  list(request: ApiRequest, clusterId: string): Answer {
    const { sqlUsers } = this.#options.clusters.withUsers(clusterId);
    const users = [...sqlUsers].toSorted().map((name) => ({ name }));
    const { items, pagination } = paginated(users, request, this.#options);
    return jsonAnswer({ users: items, pagination });
  }

  create(request: ApiRequest, clusterId: string): Answer {
    const cluster = this.#options.clusters.withUsers(clusterId);
    const name = member(bodyObject(request.body), 'name');
    if (typeof name !== 'string' || !/^[\p{L}_][\p{L}\p{N}_$.-]{0,62}$/u.test(name)) {
      throw new Refusal('invalidArgument', 'invalid argument: invalid user name');
    }
    checkPassword(request);
    if (cluster.sqlUsers.has(name)) throw new Refusal('alreadyExists', `user "${name}" already exists`);
    cluster.sqlUsers.add(name);
    this.#options.record('CREATE_SQL_USER', cluster, { name });
    return jsonAnswer({ name });
  }

  delete(_request: ApiRequest, clusterId: string, name: string): Answer {
    const cluster = this.#options.clusters.withUsers(clusterId);
    if (!cluster.sqlUsers.delete(name)) throw unknownUser(name);
    this.#options.record('DELETE_SQL_USER', cluster, { name });
    return jsonAnswer({ name });
  }

  setPassword(request: ApiRequest, clusterId: string, name: string): Answer {
    const cluster = this.#options.clusters.withUsers(clusterId);
    if (!cluster.sqlUsers.has(name)) throw unknownUser(name);
    checkPassword(request);
    this.#options.record('CHANGE_SQL_USER_PASSWORD', cluster, { name });
    return jsonAnswer({ name });
  }
}

function checkPassword(request: ApiRequest): void {
  const password = member(bodyObject(request.body), 'password');
  if (typeof password !== 'string' || password === '') {
    throw new Refusal('invalidArgument', 'invalid argument: a password is required');
  }
}

function unknownUser(name: string): Refusal {
  return new Refusal('notFound', `user "${name}" not found`);
}
