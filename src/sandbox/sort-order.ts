/** As the API names it; the sandbox shares no code with the client, so that one can't excuse the other. */
export type SortOrder = 'ASC' | 'DESC';
