// Follows one subscription for subscribe-ws.mjs and subscribe-sse.mjs, which differ only in the client they bring.

import { fail, limitTime, print, readArguments, readVariables, tell } from './arguments.mjs';

/** The value at a dotted path in the data of a result. */
function at(data, path) {
  return path.split('.').reduce((value, key) => value?.[key], data);
}

/** One line about whatever a client library hands over as an error: GraphQL errors, a close event, an exception. */
function describe(error) {
  if (typeof error?.code === 'number') return `the server closed with ${error.code} ${error.reason}`;
  if (error?.response) return `the server answered ${error.response.status}`;
  return error?.message ?? String(error);
}

/**
 * Runs the script. `open({url, token})` returns `{client, drop}`: a graphql-ws or graphql-sse client that retries
 * at once, and a function that breaks the current connection the way a network does.
 */
export function follow(name, open) {
  const usage =
    `${name} URL TOKEN QUERY VARIABLES_JSON COUNT [--reconnect] [--resume VARIABLE=PATH] [--timeout-ms N]\n` +
    '  Prints COUNT results and ends. --reconnect breaks the connection after the first one.\n' +
    '  --resume puts the value at PATH of each result (changes.cursor) into VARIABLE for the next connection.';
  const { given, options } = readArguments(usage, ['URL', 'TOKEN', 'QUERY', 'VARIABLES_JSON', 'COUNT'], {
    reconnect: { type: 'boolean', default: false },
    resume: { type: 'string' },
    'timeout-ms': { type: 'string', default: '120000' },
  });
  limitTime(Number(options['timeout-ms']));
  const wanted = Number(given.COUNT);
  if (!Number.isInteger(wanted) || wanted < 1) fail(`COUNT must be a positive number\nusage: ${usage}`);
  const [resumeVariable, resumePath] = options.resume?.split('=') ?? [];

  const operation = { query: given.QUERY, variables: readVariables(given.VARIABLES_JSON) };
  const { client, drop } = open({ url: given.URL, token: given.TOKEN });
  let received = 0;
  client.subscribe(operation, {
    next(result) {
      if (received === wanted) return;
      received += 1;
      print(result);
      if (received === wanted) {
        client.dispose();
        return;
      }
      // Both clients write the operation anew for each connection, so a changed variable travels with the next.
      if (resumePath) operation.variables[resumeVariable] = at(result.data, resumePath);
      if (options.reconnect && received === 1) {
        tell('dropped');
        drop();
      }
    },
    error(error) {
      if (Array.isArray(error)) {
        print({ errors: error });
        fail('the server refused the operation');
      }
      fail(describe(error));
    },
    complete() {
      if (received < wanted) fail(`the subscription ended after ${received} of ${wanted} results`);
      process.exit(0);
    },
  });
}
