#!/usr/bin/env node
/** The program `ccloud-audit`: the only file that touches the process's arguments and exit. */
import { setFlagsFromString } from 'node:v8';
import { commandTable } from './command-table.ts';
import { endThoughLingering } from './linger.ts';
import { packageVersion } from './package-version.ts';
import { runCli } from './run-cli.ts';

/** How long whatever is still open may keep the process after its command has ended. */
const lingerMsMax = 5000;

// What the AWS SDK has to say about Node versions is for whoever maintains this program; see CONTRIBUTING.md.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

// What an export leaves behind is large and soon of no use: pages, lines, rows. By default the engine lets four times what
// is in use pile up; with twice it the peak is a fifth lower, for a tenth more processor time.
setFlagsFromString('--heap-growing-percent=100');

const exitCode = await runCli({
  process,
  arguments: process.argv.slice(2),
  version: packageVersion(),
  commands: commandTable,
  endNow: (code) => process.exit(code),
});
process.exitCode = exitCode;
endThoughLingering(process, exitCode, lingerMsMax);
