// Follows a subscription over graphql-transport-ws with the graphql-ws client.
// Prints each result as a line; an `error` message is printed as {"errors":[...]} and ends with 1.

import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { socketUrl, tell } from './arguments.mjs';
import { follow } from './subscription.mjs';

follow('subscribe-ws.mjs', ({ url, token }) => {
  let socket;
  const client = createClient({
    url: socketUrl(url),
    webSocketImpl: WebSocket,
    connectionParams: token ? { authorization: `Bearer ${token}` } : undefined,
    retryAttempts: 5,
    retryWait: async () => {},
    // 4403 is worth a retry to graphql-ws, since rights may change; here it is the answer that is asked for.
    shouldRetry: (event) => event.code !== 4403,
    on: {
      opened: (opened) => {
        socket = opened;
      },
      connected: (_, __, again) => tell(again ? 'reconnected' : 'connected'),
    },
  });
  // Without a closing handshake, as when a cable is pulled.
  return { client, drop: () => socket.terminate() };
});
