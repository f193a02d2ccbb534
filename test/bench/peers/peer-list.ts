import { airbyte } from './airbyte.ts';
import { dlt } from './dlt.ts';
import { grove } from './grove.ts';
import type { Peer } from './peer.ts';
import { redpanda } from './redpanda.ts';
import { singer } from './singer.ts';

export const peers: readonly Peer[] = [dlt, airbyte, singer, grove, redpanda];
