/** One prefix of a real object store's bucket, looked at with the AWS SDK and not with the program's own code. */
import { DeleteObjectsCommand, GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3';

export interface S3PlaceOptions {
  readonly endpoint: string;
  readonly bucket: string;
  readonly prefix: string;
}

export interface S3Place {
  /** Every object by its key. */
  objects(): Promise<Map<string, Buffer>>;
  clear(): Promise<void>;
  close(): void;
}

export function openS3Place({ endpoint, bucket, prefix }: S3PlaceOptions): S3Place {
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, maxAttempts: 1 });
  const keys = async (): Promise<string[]> => {
    const found: string[] = [];
    const request = { Bucket: bucket, Prefix: `${prefix}/` };
    for await (const { Contents } of paginateListObjectsV2({ client }, request)) {
      found.push(...(Contents ?? []).flatMap(({ Key }) => Key ?? []));
    }
    return found;
  };
  return {
    async objects() {
      const objects = new Map<string, Buffer>();
      for (const key of await keys()) {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        objects.set(key, Buffer.from((await Body?.transformToByteArray()) ?? []));
      }
      return objects;
    },
    async clear() {
      const found = await keys();
      if (found.length === 0) return;
      const Objects = found.map((Key) => ({ Key }));
      const { Errors } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
      if (Errors !== undefined && Errors.length > 0) throw new Error(`not deleted: ${Errors[0]?.Message}`);
    },
    close: () => client.destroy(),
  };
}
