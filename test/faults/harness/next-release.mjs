/**
 * Loaded into the program before it starts: makes it the release after this one, which has one more migration. An older
 * program may use what it leaves behind from schema version NEXT_RELEASE_COMPATIBLE_FROM on.
 */
import { register } from 'node:module';

register('./next-release-hooks.mjs', import.meta.url, {
  data: { compatibleFrom: Number(process.env.NEXT_RELEASE_COMPATIBLE_FROM ?? 1) },
});
