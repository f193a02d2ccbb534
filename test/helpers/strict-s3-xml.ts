/** The few XML documents of the strict object store. */
import type { KeyPage, ListedVersion } from './strict-s3-bucket.ts';

export function errorXml(code: string): string {
  return document('Error', `<Code>${code}</Code><Message>${code} from the strict object store</Message>`);
}

export function listXml(page: KeyPage): string {
  const contents = page.objects.map(
    ({ key, version }) =>
      `<Contents><Key>${escaped(key)}</Key><Size>${version.bytes?.length ?? 0}</Size></Contents>`,
  );
  const next =
    page.next === undefined
      ? ''
      : `<NextContinuationToken>${Buffer.from(page.next).toString('base64url')}</NextContinuationToken>`;
  const isTruncated = `<IsTruncated>${page.next !== undefined}</IsTruncated>`;
  return document('ListBucketResult', `${contents.join('')}${isTruncated}${next}`);
}

export function versionsXml(versions: readonly ListedVersion[], isTruncated: boolean): string {
  const items = versions.map(({ key, version, isLatest }) => {
    const element = version.bytes === undefined ? 'DeleteMarker' : 'Version';
    const size = version.bytes === undefined ? '' : `<Size>${version.bytes.length}</Size>`;
    const fields = `<Key>${escaped(key)}</Key><VersionId>${version.versionId}</VersionId><IsLatest>${isLatest}</IsLatest>${size}`;
    return `<${element}>${fields}</${element}>`;
  });
  const last = versions.at(-1);
  const next =
    !isTruncated || last === undefined
      ? ''
      : `<NextKeyMarker>${escaped(last.key)}</NextKeyMarker><NextVersionIdMarker>${last.version.versionId}</NextVersionIdMarker>`;
  return document('ListVersionsResult', `${items.join('')}<IsTruncated>${isTruncated}</IsTruncated>${next}`);
}

function document(name: string, content: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><${name}>${content}</${name}>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
