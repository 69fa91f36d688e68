// Compiles the fragments of `relay` with the Relay compiler against the published schema: lists, nodes and payloads
// have to be of the shapes that Relay's hooks and directives rely on.
//
// Prints the name of each file it generates. Exits 1 with what the compiler says.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import compiler from 'relay-compiler';
import { fail, print } from './arguments.mjs';

/** A file of the repository, by its path from this folder. */
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** All it reads and writes lies in a folder of its own, so that nothing generated stays in the repository. */
function compile(folder) {
  const generated = join(folder, 'generated');
  mkdirSync(generated);
  cpSync(here('relay'), join(folder, 'src'), { recursive: true });
  cpSync(here('../../api/schema.graphql'), join(folder, 'schema.graphql'));
  const configuration = {
    src: './src',
    schema: './schema.graphql',
    language: 'typescript',
    artifactDirectory: './generated',
  };
  writeFileSync(join(folder, 'relay.config.json'), JSON.stringify(configuration));
  const run = spawnSync(compiler, ['relay.config.json'], { cwd: folder, encoding: 'utf8' });
  if (run.status !== 0) fail(`relay-compiler: ${run.error ?? run.stdout + run.stderr}`);
  return readdirSync(generated);
}

const folder = mkdtempSync(join(tmpdir(), 'relay-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const file of compile(folder).sort()) print({ file });
