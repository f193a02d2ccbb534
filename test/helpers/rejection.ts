/** What a promise rejects with, caught from now on; an error of its own when it does not reject. */
export async function rejectionOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error) return error;
    throw new TypeError('rejected with something that is no error', { cause: error });
  }
  throw new TypeError('did not reject');
}
