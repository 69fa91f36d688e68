// Follows a subscription over graphql-sse in distinct connections mode with the graphql-sse client.
// Prints each result as a line; errors of the request come as a result with `errors`, as that protocol has it.

import { createClient } from 'graphql-sse';
import { tell } from './arguments.mjs';
import { follow } from './subscription.mjs';

follow('subscribe-sse.mjs', ({ url, token }) => {
  let connection;
  const client = createClient({
    url,
    singleConnection: false,
    headers: token ? { authorization: `Bearer ${token}` } : {},
    retryAttempts: 5,
    retry: async () => {},
    // The client's own signal means "unsubscribe"; ours stands for the network, and makes it retry.
    fetchFn: (address, request) => {
      connection = new AbortController();
      return fetch(address, { ...request, signal: AbortSignal.any([request.signal, connection.signal]) });
    },
    on: {
      connected: (again) => tell(again ? 'reconnected' : 'connected'),
    },
  });
  return { client, drop: () => connection.abort(new Error('connection dropped')) };
});
