/** Bytes that are not a digest, an envelope or a key of ours; the message is a sentence that says what is wrong. */
export class DigestFormatError extends Error {
  override readonly name = 'DigestFormatError';
}
