// What the scripts of this folder have in common: arguments, output and the way they fail.
//
// Results go to stdout, one JSON value a line, for the tests to read. Everything said to people, and the moments
// of a connection (`{"event":"connected"}`), goes to stderr.

import { parseArgs } from 'node:util';

/** Ends the process with a message a failing test can show. */
export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** Writes one result. */
export function print(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Tells of a moment in the life of a connection. */
export function tell(event, details = {}) {
  process.stderr.write(`${JSON.stringify({ event, ...details })}\n`);
}

/**
 * Reads the positional arguments named in `names`, in order, and the given options. A missing URL or token is
 * taken from GRAPHQL_URL or GRAPHQL_TOKEN; a name ending in `?` may be left out.
 */
export function readArguments(usage, names, options = {}) {
  let parsed;
  try {
    parsed = parseArgs({ allowPositionals: true, options });
  } catch (error) {
    fail(`${error.message}\nusage: ${usage}`);
  }
  const { values, positionals } = parsed;
  const environment = { URL: process.env.GRAPHQL_URL, TOKEN: process.env.GRAPHQL_TOKEN };
  const given = {};
  for (const [position, name] of names.entries()) {
    const key = name.replace(/\?$/, '');
    given[key] = positionals[position] ?? environment[key];
    if (given[key] === undefined && key === name) fail(`${key} is missing\nusage: ${usage}`);
  }
  if (positionals.length > names.length) fail(`too many arguments\nusage: ${usage}`);
  return { given, options: values };
}

/** Parses the variables of an operation; absent means none. */
export function readVariables(text) {
  try {
    return JSON.parse(text || '{}');
  } catch (error) {
    return fail(`VARIABLES_JSON is not JSON: ${error.message}`);
  }
}

/** The same address for a WebSocket: http becomes ws, https becomes wss. */
export function socketUrl(url) {
  return url.replace(/^http/, 'ws');
}

/** Ends the process when the test it serves would wait too long. */
export function limitTime(timeout_ms) {
  setTimeout(() => fail(`gave up after ${timeout_ms} ms`), timeout_ms).unref();
}
