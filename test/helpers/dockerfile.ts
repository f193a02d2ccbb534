/** Reads a Dockerfile of the kind that this repository has, into stages of instructions. */

export interface Instruction {
  readonly keyword: string;
  /** What follows the keyword, continued lines joined, build arguments filled in. */
  readonly text: string;
}

export interface Stage {
  readonly image: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

export interface Copy {
  /** The stage to copy from; undefined: the build context. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

export function parseDockerfile(content: string): Stage[] {
  const buildArguments = new Map<string, string>();
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  for (const { keyword, text } of readInstructions(content)) {
    const filled = text.replaceAll(
      /\$\{(\w+)\}/g,
      (whole, name: string) => buildArguments.get(name) ?? whole,
    );
    if (keyword === 'ARG') {
      const [name = '', value = ''] = filled.split('=', 2);
      buildArguments.set(name, value);
    } else if (keyword === 'FROM') {
      const [image = '', as, name] = filled.split(/\s+/);
      if (as !== undefined && as.toUpperCase() !== 'AS') throw new Error(`FROM ${filled} is not understood`);
      stages.push({ image, name, instructions: [] });
    } else {
      const stage = stages.at(-1);
      if (stage === undefined) throw new Error(`${keyword} comes before the first FROM`);
      stage.instructions.push({ keyword, text: filled });
    }
  }
  return stages;
}

/** The arguments of every instruction of this kind, in their order. */
export function allOf(stage: Stage, keyword: string): string[] {
  return stage.instructions.filter((one) => one.keyword === keyword).map(({ text }) => text);
}

/** The arguments of the one instruction of this kind. */
export function onlyOf(stage: Stage, keyword: string): string {
  const [only, ...more] = allOf(stage, keyword);
  if (only === undefined || more.length > 0)
    throw new Error(`the stage has ${more.length + 1} or no ${keyword}`);
  return only;
}

export function parseCopy(text: string): Copy {
  const words = text.split(/\s+/);
  const flags = words.filter((word) => word.startsWith('--'));
  const paths = words.filter((word) => !word.startsWith('--'));
  const from = flags.find((flag) => flag.startsWith('--from='))?.slice('--from='.length);
  return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
}

/** The words of an instruction in exec form, which has no shell. */
export function execForm(text: string): string[] {
  const words: unknown = JSON.parse(text);
  if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words;
  throw new Error(`${text} is not in exec form`);
}

/** The variables that ENV sets. */
export function environmentOf(stage: Stage): Record<string, string> {
  const pairs = allOf(stage, 'ENV').flatMap((text) => text.split(/\s+/));
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}

/** The command of HEALTHCHECK. */
export function healthcheckOf(stage: Stage): string[] {
  const [, command = ''] = /\bCMD\s+(\[.*)$/.exec(onlyOf(stage, 'HEALTHCHECK')) ?? [];
  return execForm(command);
}

function readInstructions(content: string): Instruction[] {
  const lines = content.split('\n').filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'));
  return lines
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .map((line) => {
      const [, keyword = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
      if (keyword === '') throw new Error(`not an instruction: ${line}`);
      return { keyword, text: text.trim() };
    });
}
