// Validates the GraphQL of the README and the manual against the published schema, by the rules of the specification.
//
// A block after "```graphql" holds operations. One after "```graphql SomeInput" holds values of that input type, one
// after the other. Nothing may use what is deprecated. Prints each block as {"file","line","errors"} and exits 1 when
// one has errors. The examples in the shell of the README are run by tests/src/tour.rs.

import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSchema, parse, specifiedRules, validate } from 'graphql';
import { LoneAnonymousOperationRule, NoDeprecatedCustomRule, NoUnusedVariablesRule } from 'graphql';
import { fail, print } from './arguments.mjs';

/** A file of the repository, by its path from the root. */
const file = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const schema = buildSchema(readFileSync(file('api/schema.graphql'), 'utf8'));
const pages = ['README.md', ...readdirSync(file('docs')).map((name) => `docs/${name}`)].filter((path) => path.endsWith('.md'));

/** What is wrong with a block: a page may show several operations, and none of their names. */
function mistakes(text, inputType) {
  // A list of values needs no commas, so values that stand below each other are one.
  const document = inputType ? `query($values: [${inputType}!]! = [${text}]) { __typename }` : text;
  const unwanted = inputType ? [NoUnusedVariablesRule] : [LoneAnonymousOperationRule];
  const rules = [...specifiedRules.filter((rule) => !unwanted.includes(rule)), NoDeprecatedCustomRule];
  try {
    return validate(schema, parse(document), rules).map(({ message }) => message);
  } catch (error) {
    return [error.message];
  }
}

let blocks = 0;
let wrong = 0;
for (const page of pages) {
  const text = readFileSync(file(page), 'utf8');
  for (const found of text.matchAll(/^```graphql(?: +(\w+))?\n([\s\S]*?)^```$/gm)) {
    const [, inputType, block] = found;
    const line = text.slice(0, found.index).split('\n').length + 1;
    const errors = mistakes(block, inputType);
    print({ file: page, line, errors });
    blocks += 1;
    if (errors.length > 0) wrong += 1;
  }
}
// Where they are marked otherwise one day, this would look at nothing and be content.
const marked = pages.map((page) => readFileSync(file(page), 'utf8').split('```graphql').length - 1);
if (blocks === 0 || blocks !== marked.reduce((sum, count) => sum + count, 0)) fail('some blocks were not understood');
if (wrong > 0) fail(`${wrong} of ${blocks} blocks do not fit the schema`);
