// Judges the published schema by the rules of @graphql-eslint for schemas and for Relay.
//
// Prints each finding as {"rule","line","message"} and exits 1 when there is one. What we do otherwise on purpose is
// listed here with the reason; an entry of `known` that nothing matches any more is a finding too.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { configs, parser, rules } from '@graphql-eslint/eslint-plugin';
import { Linter } from 'eslint';
import { fail, print } from './arguments.mjs';

/** Rules that are not for this schema. */
const off = {
  // Fields stand by what they are about, as the manual reads.
  alphabetize: true,
  // A type has a global id where `node` finds it; tests/src/invariant/relay.rs lists who has none and why.
  'strict-id-in-types': true,
  // There are changes and subscriptions.
  'no-root-type': true,
  // GraphQL's own @deprecated has no date. The day stands in the reason, which tests/src/invariant/schema.rs reads.
  'require-deprecation-date': true,
  // A payload and a connection are always there; a mistake is told in `userErrors`.
  'require-nullable-result-in-root': true,
  // What a mutation changed is in its payload. A query of everything beside it would be charged as a mutation.
  'require-field-of-type-query-in-mutation-result': true,
};

/** Rules that hold with these options. */
const options = {
  // Short lists without pages are lists of the things themselves, and `nodes` stands beside `edges`. Entries of
  // histories have no global id, and a search finds things of several types.
  'relay-edge-types': { listTypeCanWrapOnlyEdgeType: false, shouldImplementNode: false },
};

/** Single places that differ. */
const known = [
  { rule: 'relay-arguments', part: 'Field `search` must', why: 'hits in the order of what fits best are read forwards only' },
];

/** Every rule of the complete set and of that for Relay, as ESLint wants to have it. */
function chosenRules() {
  const chosen = {};
  for (const set of ['flat/schema-all', 'flat/schema-relay']) {
    for (const [id, setting] of Object.entries(configs[set].rules)) {
      const name = id.replace('@graphql-eslint/', '');
      if (!off[name]) chosen[id] = options[name] ? ['error', options[name]] : setting;
    }
  }
  return chosen;
}

const schema = fileURLToPath(new URL('../../api/schema.graphql', import.meta.url));
const configuration = {
  files: ['**/*.graphql'],
  languageOptions: { parser, parserOptions: { graphQLConfig: { schema } } },
  plugins: { '@graphql-eslint': { rules } },
  rules: chosenRules(),
};
const linter = new Linter({ configType: 'flat' });
const found = linter.verify(readFileSync(schema, 'utf8'), [configuration], { filename: 'schema.graphql' });

const findings = found.map(({ ruleId, line, message }) => ({
  rule: ruleId?.replace('@graphql-eslint/', '') ?? 'parser',
  line,
  message,
}));
const isKnown = ({ rule, message }) => ({ rule: one, part }) => rule === one && message.includes(part);
const unexpected = findings.filter((finding) => !known.some(isKnown(finding)));
for (const one of known) {
  if (!findings.some((finding) => isKnown(finding)(one))) {
    unexpected.push({ rule: one.rule, line: 0, message: `nothing is found any more at: ${one.part}` });
  }
}
unexpected.forEach(print);
if (unexpected.length > 0) fail(`${unexpected.length} findings in the schema`);
