import { readYamlFile } from '../../../config/yaml.ts';
import { clusterSpec, type JsonObject } from '../../cloud-api/index.ts';
import { UsageError } from '../../errors.ts';
import type { CommandInput } from '../command.ts';
import type { CliContext } from '../context.ts';
import { exitCodes, type ExitCode } from '../exit-codes.ts';
import { note } from '../output.ts';
import { withCloudApi } from './cloud.ts';
import { printCluster } from './cluster-output.ts';

/** The options that say what `--spec` says otherwise. */
const specOptions = ['plan', 'spend-limit', 'virtual-cpus'] as const;

export async function run(context: CliContext, input: CommandInput): Promise<ExitCode> {
  const file = input.text('spec');
  const readSpec = file === undefined ? specFromOptions(input) : await specFromFile(file, input);
  const cluster = await withCloudApi(context, input, (api) =>
    api.createCluster(
      {
        name: input.required('name'),
        provider: (input.text('provider') ?? '').toUpperCase(),
        spec: readSpec(api.version),
      },
      { signal: context.signal },
    ),
  );
  await printCluster(context, cluster);
  note(context, `Being created; \`ccloud-audit cluster get ${cluster.id}\` shows how far it is.`);
  return exitCodes.done;
}

type SpecOf = (version: string) => JsonObject;

function specFromOptions(input: CommandInput): SpecOf {
  const regions = input.list('region');
  if (regions.length === 0) {
    throw new UsageError('Name at least one --region, or give the whole specification with --spec.', {
      code: 'option_missing',
    });
  }
  const plan = input.text('plan');
  const spendLimitCents = input.wholeNumber('spend-limit');
  const virtualCpus = input.wholeNumber('virtual-cpus', { min: 1, max: 100_000 });
  return (version) =>
    clusterSpec({
      version,
      regions,
      ...(plan === undefined ? {} : { plan }),
      ...(spendLimitCents === undefined ? {} : { spendLimitCents }),
      ...(virtualCpus === undefined ? {} : { virtualCpus }),
    });
}

async function specFromFile(file: string, input: CommandInput): Promise<SpecOf> {
  const doubled = specOptions.find((name) => input.text(name) !== undefined);
  if (doubled !== undefined || input.list('region').length > 0) {
    throw new UsageError(`--spec says it all; leave out --${doubled ?? 'region'}.`, {
      code: 'option_invalid',
    });
  }
  const spec = await readYamlFile(file);
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
    throw new UsageError(`${file} must hold the API's \`spec\` as one JSON or YAML object.`, {
      code: 'spec_invalid',
    });
  }
  // Plain values out of a file, which JSON can hold.
  return () => spec as JsonObject;
}
