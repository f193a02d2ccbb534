/** Large objects that tell by themselves whether they are whole. */
const bytesPerObject = 24 * 1024 * 1024;

export function endlessObject(number: number): Buffer {
  return Buffer.alloc(bytesPerObject, `${number};`);
}

export function endlessKey(number: number): string {
  return `organization=acme/object-${number}`;
}
