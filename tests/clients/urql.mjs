// Uses urql as a frontend does: its cache, persisted queries over HTTP, and subscriptions over a socket.
//
// The steps and what they print are those of apollo.mjs.

import { Client, cacheExchange, fetchExchange, subscriptionExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { limitTime, readArguments, socketUrl } from './arguments.mjs';
import { story } from './story.mjs';

const { given } = readArguments('urql.mjs URL TOKEN', ['URL', 'TOKEN']);
limitTime(120_000);

const authorization = `Bearer ${given.TOKEN}`;
/** The bodies that were sent, to see whether queries went by their hashes. */
const sent = [];
const socket = createClient({
  url: socketUrl(given.URL),
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
});
const client = new Client({
  url: given.URL,
  // The hashes of urql travel by POST here, as those of Apollo do.
  preferGetMethod: false,
  fetchOptions: { headers: { authorization } },
  fetch: (address, options) => {
    sent.push(JSON.parse(options.body));
    return fetch(address, options);
  },
  exchanges: [
    cacheExchange,
    persistedExchange({ preferGetForPersistedQueries: false }),
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
      }),
    }),
  ],
});

/** The data of a result, or its error thrown. */
function data(result) {
  if (result.error) throw result.error;
  return result.data;
}

await story({
  mergesPages: false,
  sent,
  query: async (document, variables) =>
    data(await client.query(document, variables, { requestPolicy: 'network-only' }).toPromise()),
  mutate: async (document, variables) => data(await client.mutation(document, variables).toPromise()),
  subscribe: (document, variables, next) => {
    const following = client.subscription(document, variables).subscribe(({ data, error }) => next(error ?? data));
    return () => following.unsubscribe();
  },
  cached: (document, variables) => client.readQuery(document, variables)?.data,
});
await socket.dispose();
