// Runs the server audits of graphql-http: the GraphQL-over-HTTP specification, judged by its reference library.
//
// Prints each audit as {"id","name","status","reason"?}. Statuses are graphql-http's own: `error` breaks a MUST,
// `warn` a SHOULD, `notice` a MAY. Exits 1 when a MUST or a SHOULD does not hold.

import { serverAudits } from 'graphql-http';
import { fail, limitTime, print, readArguments } from './arguments.mjs';

const { given } = readArguments('audit.mjs URL [TOKEN]', ['URL', 'TOKEN?']);
limitTime(120_000);

/** The audits set only the headers they are about; the credential is added to every one. */
function authorizedFetch(url, options = {}) {
  const headers = new Headers(options.headers);
  if (given.TOKEN) headers.set('authorization', `Bearer ${given.TOKEN}`);
  return fetch(url, { ...options, headers });
}

let broken = 0;
for (const audit of serverAudits({ url: given.URL, fetchFn: authorizedFetch })) {
  let result;
  try {
    result = await audit.fn();
  } catch (error) {
    result = { id: audit.id, name: audit.name, status: 'error', reason: `${error.message}: ${error.cause ?? ''}` };
  }
  const { id, name, status, reason } = result;
  print({ id, name, status, reason });
  if (status !== 'ok' && !name.startsWith('MAY ')) broken += 1;
}
if (broken > 0) fail(`${broken} audits of MUST or SHOULD do not hold`);
process.exit(0);
