/** What a failed program said, without the places of this machine: results are for everybody. */
export function withoutPaths(text: string): string {
  return text.replaceAll(/(?:\/[\w.@+-]+){2,}/g, '…');
}
