// What apollo.mjs and urql.mjs do with the client they bring.

import { fail, print } from './arguments.mjs';

const create = `mutation Create($input: CreateContactInput!) {
  createContact(input: $input) { contact { id name } userErrors { path code message } }
}`;
const page = `query Page($first: Int!, $after: String) {
  contacts(first: $first, after: $after, orderBy: CREATED_DESC) {
    edges { cursor node { id name } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;
const changes = `subscription Changes($after: String) {
  changes(after: $after, kinds: ["contact.created"]) { cursor subjectId contact { id name } }
}`;

/** Goes on only where `holds`; otherwise the script ends, and shows what came instead. */
function expect(step, holds, got) {
  if (!holds) fail(`${step}: ${got instanceof Error ? got.stack : JSON.stringify(got)}`);
  print({ step, got });
}

/** The first message of the subscription that is about the contact. */
function heard(client, id) {
  return new Promise((resolve) => {
    const end = client.subscribe(changes, { after: '0.0' }, (message) => {
      if (!(message instanceof Error) && message?.changes?.subjectId !== id) return;
      // Some clients hand the first message over before `subscribe` is back.
      setImmediate(() => end());
      resolve(message);
    });
  });
}

/**
 * Runs the story. `query`, `mutate` and `subscribe` take a document and its variables, `cached` reads what `query` left,
 * and `sent` holds the bodies of the requests that went over HTTP. A client that `mergesPages` answers with all pages
 * of a list up to the one it was asked for.
 */
export async function story(client) {
  try {
    await tell(client);
  } catch (error) {
    fail(`${error.stack} ${JSON.stringify(error.result ?? error.networkError ?? '')}`);
  }
}

async function tell(client) {
  // A text of its own each time: the server remembers those it was told.
  const read = `query Read${Date.now()}($id: ID!) { node(id: $id) { __typename id ... on Contact { name } } }`;
  const made = [];
  for (const name of ['Aoi', 'Haruto', 'Mei']) {
    const { createContact } = await client.mutate(create, { input: { name } });
    made.push(createContact.contact.id);
  }
  expect('mutation', made.every(Boolean), made);

  const refused = (await client.mutate(create, { input: { name: '' } })).createContact;
  expect('mistakes are data', refused.contact === null && refused.userErrors[0].path[0] === 'name', refused);

  const before = client.sent.length;
  const found = await client.query(read, { id: made[0] });
  expect('node', found.node?.__typename === 'Contact' && found.node.name === 'Aoi', found);
  expect('cache', client.cached(read, { id: made[0] })?.node?.name === 'Aoi', found);
  await client.query(read, { id: made[1] });
  const bodies = client.sent.slice(before);
  const byHash = bodies.map((body) => [Boolean(body.query), body.extensions?.persistedQuery?.sha256Hash?.length]);
  // By its hash, then with its text too, and by its hash alone from then on.
  expect('persisted query', JSON.stringify(byHash) === '[[false,64],[true,64],[false,64]]', byHash);

  let edges = [];
  let pages = 0;
  for (let after = null; after || pages === 0; pages += 1) {
    const { contacts } = await client.query(page, { first: 2, after });
    edges = client.mergesPages ? contacts.edges : edges.concat(contacts.edges);
    after = contacts.pageInfo.hasNextPage ? contacts.pageInfo.endCursor : null;
  }
  const listed = edges.map(({ node }) => node.id);
  const areAllThere = made.every((id) => listed.includes(id)) && new Set(listed).size === listed.length;
  expect('pages', areAllThere && pages === Math.ceil(listed.length / 2), { pages, listed });

  const message = await heard(client, made[2]);
  expect('subscription', message.changes?.contact?.name === 'Mei', message);
}
