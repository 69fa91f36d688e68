// Uses Apollo Client as a frontend does: its cache, persisted queries over HTTP, and subscriptions over a socket.
//
// Makes a contact, reads it, reads the list page by page, and hears of the contact in a subscription. Prints each
// step as {"step", ...} and exits 1 at the first that goes wrong.

import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { createClient } from 'graphql-ws';
import { OperationTypeNode } from 'graphql';
import WebSocket from 'ws';
import { limitTime, readArguments, socketUrl } from './arguments.mjs';
import { story } from './story.mjs';

const { given } = readArguments('apollo.mjs URL TOKEN', ['URL', 'TOKEN']);
limitTime(120_000);

const authorization = `Bearer ${given.TOKEN}`;
/** The bodies that were sent, to see whether queries went by their hashes. */
const sent = [];
const socket = createClient({
  url: socketUrl(given.URL),
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
});
const persisted = new PersistedQueryLink({
  sha256: (text) => createHash('sha256').update(text).digest('hex'),
});
const http = new HttpLink({
  uri: given.URL,
  headers: { authorization },
  fetch: (address, options) => {
    sent.push(JSON.parse(options.body));
    return fetch(address, options);
  },
});
const client = new ApolloClient({
  cache: new InMemoryCache({
    typePolicies: { Query: { fields: { contacts: relayStylePagination(['filter', 'orderBy']) } } },
  }),
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    persisted.concat(http),
  ),
});

await story({
  mergesPages: true,
  sent,
  query: async (document, variables) =>
    (await client.query({ query: gql(document), variables, fetchPolicy: 'network-only' })).data,
  mutate: async (document, variables) => (await client.mutate({ mutation: gql(document), variables })).data,
  subscribe: (document, variables, next) => {
    const following = client.subscribe({ query: gql(document), variables }).subscribe({
      next: ({ data, error }) => next(error ?? data),
      error: next,
    });
    return () => following.unsubscribe();
  },
  cached: (document, variables) => client.readQuery({ query: gql(document), variables }),
});
client.stop();
await socket.dispose();
