// Tells what changed in the published schema since a base, and fails on what would break a client.
//
// graphql-js of tests/clients compares; `tests/run --provision` installs it.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const usage = `usage: node .ci/schema-changes.mjs [--base REF] [--before FILE] [--after FILE] [--changelog FILE] [--today DATE]

Compares api/schema.graphql with the schema of a base: the newest tag v* below HEAD, before the first release the
point where this branch left origin/main. Where neither is there, it says so and nothing is compared.

  breaking   documents or programs of a client can stop working: fails, unless a line of the newest section of
             CHANGELOG.md has the change word for word as it is told here
  surprising the same document may get something new: a value of an enum, a type of a union, another default
  came       what is new, for the changelog
  deprecated what is deprecated now and was not

A deprecated member whose day ("Removed after 2027-06-30.") has passed may go, and the types only it used with it.

  --base REF         compare with api/schema.graphql of this commit
  --before FILE      compare with the schema in this file instead
  --after FILE       the schema to judge: api/schema.graphql
  --changelog FILE   where breaking changes are listed: CHANGELOG.md
  --today DATE       the day to go by: today's, in UTC
`;

const root = fileURLToPath(new URL('..', import.meta.url));
const schemaPath = 'api/schema.graphql';

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function readOptions() {
  const text = { type: 'string' };
  const options = { base: text, before: text, after: text, changelog: text, today: text };
  try {
    return parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } }).values;
  } catch (error) {
    return fail(`${error.message}\n${usage}`);
  }
}

const options = readOptions();
if (options.help) {
  process.stdout.write(usage);
  process.exit(0);
}

/** The library of the tests: nothing is installed for this script alone. */
function load(name) {
  try {
    return createRequire(`${root}tests/clients/package.json`)(name);
  } catch {
    return fail(`${name} is not installed; run \`npm ci --prefix tests/clients\`, or tests/run --provision`);
  }
}

const { buildASTSchema, findBreakingChanges, findDangerousChanges, parse, visit } = load('graphql');

// --- The base --------------------------------------------------------------------------------------------------

/** What git says, or nothing where it refuses. */
function git(...parameters) {
  try {
    const stdio = ['ignore', 'pipe', 'ignore'];
    return execFileSync('git', parameters, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 26, stdio });
  } catch {
    return undefined;
  }
}

/** What clients rely on: what was released, and until then what is on the main branch. */
function findBase() {
  const tag = git('describe', '--tags', '--abbrev=0', '--match', 'v*');
  return (tag ?? git('merge-base', 'HEAD', 'origin/main'))?.trim();
}

/** The text of the base and what it is called. */
function readBase() {
  if (options.before) return [readFileSync(options.before, 'utf8'), options.before];
  const base = options.base ?? findBase();
  if (!base) {
    process.stdout.write('There is no tag v* below HEAD and no origin/main: the schema was compared with nothing\n');
    process.exit(0);
  }
  const text = git('show', `${base}:${schemaPath}`);
  if (text === undefined) fail(`git knows no ${base}:${schemaPath}`);
  return [text, base];
}

// --- What may go -----------------------------------------------------------------------------------------------

const today = options.today ?? new Date().toISOString().slice(0, 10);

/** The reason for a deprecation, from the member's directives. */
function deprecation(node) {
  const directive = node.directives?.find(({ name }) => name.value === 'deprecated');
  return directive?.arguments?.find(({ name }) => name.value === 'reason')?.value.value;
}

/** Removes a deprecated member whose day has passed. */
function isDue(node) {
  const day = deprecation(node)?.match(/Removed after (\d{4}-\d{2}-\d{2})\.$/)?.[1];
  return day !== undefined && day < today ? null : undefined;
}

const members = { FieldDefinition: isDue, InputValueDefinition: isDue, EnumValueDefinition: isDue };

/** Every name of a type that stands anywhere but in its own definition. */
function usedTypes(document) {
  const used = new Set();
  for (const definition of document.definitions) {
    visit(definition, {
      NamedType: ({ name }) => {
        if (name.value !== definition.name?.value) used.add(name.value);
      },
    });
  }
  return used;
}

/** The schema as it has to stay. Types that fall out of use with what may go, may go too. */
function promised(document) {
  let before = usedTypes(document);
  let left = visit(document, members);
  for (;;) {
    const used = usedTypes(left);
    const isLost = ({ name }) => name && before.has(name.value) && !used.has(name.value);
    const definitions = left.definitions.filter((one) => !isLost(one));
    if (definitions.length === left.definitions.length) return left;
    before = used;
    left = { ...left, definitions };
  }
}

// --- Comparing -------------------------------------------------------------------------------------------------

/** Every type and member by its coordinate, with the reason if it is deprecated. */
function coordinates(document) {
  const all = new Map();
  for (const definition of document.definitions) {
    const type = definition.name?.value;
    if (!type || definition.kind === 'DirectiveDefinition') continue;
    all.set(type, undefined);
    for (const member of definition.fields ?? definition.values ?? []) {
      const place = `${type}.${member.name.value}`;
      all.set(place, deprecation(member));
      for (const argument of member.arguments ?? []) {
        all.set(`${place}(${argument.name.value}:)`, deprecation(argument));
      }
    }
  }
  return all;
}

/** What is new, without what is part of something new. */
function additions(before, after) {
  const parent = (place) => (place.includes('(') ? place.split('(')[0] : place.split('.')[0]);
  return [...after.keys()].filter((place) => !before.has(place) && (place === parent(place) || before.has(parent(place))));
}

/** The newest section of the changelog. */
function newestSection(changelog) {
  return changelog.split(/^## /m)[1] ?? '';
}

function tell(title, lines) {
  if (lines.length > 0) process.stdout.write(`${title}:\n${lines.map((line) => `  ${line}\n`).join('')}`);
}

const [baseText, base] = readBase();
const before = parse(baseText, { noLocation: true });
const after = parse(readFileSync(options.after ?? `${root}${schemaPath}`, 'utf8'), { noLocation: true });
// What is valid is tested elsewhere; what is left of the base need not be, such as a type without fields.
const schemas = [promised(before), after].map((one) => buildASTSchema(one, { assumeValid: true }));
const listed = newestSection(readFileSync(options.changelog ?? `${root}CHANGELOG.md`, 'utf8')).split('\n');

/** Surprising for the library; for a client something that came, and no more. */
const isHarmless = ({ type }) => type === 'OPTIONAL_ARG_ADDED' || type === 'OPTIONAL_INPUT_FIELD_ADDED';

const descriptions = (changes) => changes.map(({ description }) => description).sort();
const breaking = descriptions(findBreakingChanges(...schemas));
const unlisted = breaking.filter((change) => !listed.some((line) => line.includes(change)));
const [old, now] = [coordinates(before), coordinates(after)];

process.stdout.write(`The schema since ${base}\n`);
tell('breaking, and listed', breaking.filter((change) => !unlisted.includes(change)));
tell('surprising', descriptions(findDangerousChanges(...schemas).filter((one) => !isHarmless(one))));
tell('came', additions(old, now));
tell('deprecated', [...now].filter(([place, reason]) => reason && old.has(place) && !old.get(place)).map(([place]) => place));
tell('breaking', unlisted);
if (unlisted.length > 0) {
  fail(
    `${unlisted.length} changes break clients. Keep what was there and deprecate it with the day it goes, or list each\n` +
      'as it stands above in a line of its own in the newest section of CHANGELOG.md, with what to do instead.',
  );
}
process.stdout.write('No client breaks without having been told\n');
