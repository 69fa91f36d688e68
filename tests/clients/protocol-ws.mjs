// Speaks graphql-transport-ws by hand, to see the answers a well-behaved client never provokes.
//
// QUERY must be a subscription that stays open. Prints each check as {"check","ok","expected","got"} and exits 1
// when one does not hold. The socket library itself refuses frames that break RFC 6455, such as a close reason
// of more than 123 bytes, and that shows as "invalid frame" here.

import WebSocket from 'ws';
import { fail, limitTime, print, readArguments, readVariables, socketUrl } from './arguments.mjs';

const { given, options } = readArguments(
  'protocol-ws.mjs URL TOKEN QUERY [VARIABLES_JSON] [--init-timeout-ms N]',
  ['URL', 'TOKEN', 'QUERY', 'VARIABLES_JSON?'],
  // The server's own limit for connection_init, with room for a busy machine.
  { 'init-timeout-ms': { type: 'string', default: '60000' } },
);
const initTimeout_ms = Number(options['init-timeout-ms']);
const answerTimeout_ms = 60_000;
limitTime(initTimeout_ms + 100_000);

const payload = { query: given.QUERY, variables: readVariables(given.VARIABLES_JSON) };
const init = { type: 'connection_init', payload: { authorization: `Bearer ${given.TOKEN}` } };
const forged = { type: 'connection_init', payload: { authorization: 'Bearer forged' } };
const subscribe = { id: 'a', type: 'subscribe', payload };

/** One socket, and what came back on it in order: messages, at last how it closed. */
class Conversation {
  constructor(protocols = ['graphql-transport-ws']) {
    this.inbox = [];
    this.arrived = () => {};
    this.socket = new WebSocket(socketUrl(given.URL), protocols);
    this.socket.on('message', (data) => this.receive(JSON.parse(data)));
    this.socket.on('close', (code, reason) => this.receive({ closed: code, reason: reason.toString() }));
    this.socket.on('error', (error) => this.receive({ broken: error.code ?? error.message }));
    this.socket.on('unexpected-response', (_, response) => this.receive({ refused: response.statusCode }));
    this.opened = new Promise((resolve) => this.socket.once('open', resolve));
  }

  receive(thing) {
    this.inbox.push(thing);
    this.arrived();
  }

  async send(...messages) {
    await Promise.race([this.opened, this.next((thing) => !('type' in thing))]);
    for (const message of messages) {
      this.socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message));
    }
  }

  /** The first thing received that `wanted` accepts; `{silence}` when none came in time. */
  next(wanted, timeout_ms = answerTimeout_ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve({ silence: timeout_ms }), timeout_ms);
      const look = () => {
        const found = this.inbox.find(wanted);
        if (!found) return;
        clearTimeout(timer);
        resolve(found);
      };
      const before = this.arrived;
      this.arrived = () => {
        before();
        look();
      };
      look();
    });
  }

  async acknowledged() {
    await this.send(init);
    return this.next((thing) => thing.type === 'connection_ack' || !('type' in thing));
  }

  ending(timeout_ms) {
    return this.next((thing) => !('type' in thing), timeout_ms);
  }
}

/** A check that sends raw messages, after the handshake or before it, and expects a close code. */
function closes(check, code, messages, { acknowledged = true, timeout_ms } = {}) {
  return {
    check,
    expected: { closed: code },
    async run(conversation) {
      if (acknowledged) {
        const answer = await conversation.acknowledged();
        if (answer.type !== 'connection_ack') return answer;
      }
      await conversation.send(...messages);
      return conversation.ending(timeout_ms);
    },
    holds: (got) => got.closed === code,
  };
}

const checks = [
  closes('text that is not JSON closes with 4400', 4400, ['not json']),
  closes('JSON that is not an object closes with 4400', 4400, ['[]']),
  closes('a message without a type closes with 4400', 4400, [{}]),
  closes('an unknown type closes with 4400', 4400, [{ type: 'bogus' }]),
  closes('an unknown type of 10,000 letters closes with 4400', 4400, [{ type: 'b'.repeat(10_000) }]),
  closes('a message of the older protocol closes with 4400', 4400, [{ ...subscribe, type: 'start' }]),
  closes('subscribe without an id closes with 4400', 4400, [{ type: 'subscribe', payload }]),
  closes('subscribe without a query closes with 4400', 4400, [{ ...subscribe, payload: {} }]),
  closes('subscribe before connection_init closes with 4401', 4401, [subscribe], { acknowledged: false }),
  closes('a forged token closes with 4403', 4403, [forged], { acknowledged: false }),
  closes('no connection_init in time closes with 4408', 4408, [], {
    acknowledged: false,
    timeout_ms: initTimeout_ms,
  }),
  closes('a second subscribe with a live id closes with 4409', 4409, [subscribe, subscribe]),
  closes('a second connection_init closes with 4429', 4429, [init]),
  {
    check: 'the handshake is acknowledged',
    expected: { type: 'connection_ack' },
    run: (conversation) => conversation.acknowledged(),
    holds: (got) => got.type === 'connection_ack',
  },
  {
    check: 'a ping is answered by a pong',
    expected: { type: 'pong' },
    async run(conversation) {
      await conversation.acknowledged();
      await conversation.send({ type: 'ping' });
      return conversation.next((thing) => thing.type === 'pong' || !('type' in thing));
    },
    holds: (got) => got.type === 'pong',
  },
  {
    check: 'an operation that does not validate is answered by error, not next',
    expected: { id: 'a', type: 'error' },
    async run(conversation) {
      await conversation.acknowledged();
      await conversation.send({ ...subscribe, payload: { query: '{ noSuchFieldAnywhere }' } });
      return conversation.next((thing) => thing.id === 'a' || !('type' in thing));
    },
    holds: (got) => got.type === 'error' && Array.isArray(got.payload) && got.payload.length > 0,
  },
  {
    check: 'an id is free again after complete',
    expected: { id: 'b', type: 'complete' },
    async run(conversation) {
      await conversation.acknowledged();
      await conversation.send(subscribe, { id: 'a', type: 'complete' }, subscribe);
      await conversation.send({ id: 'b', type: 'subscribe', payload: { query: '{ __typename }' } });
      return conversation.next((thing) => thing.type === 'complete' || !('type' in thing));
    },
    holds: (got) => got.id === 'b' && got.type === 'complete',
  },
  {
    check: 'a socket without our subprotocol is closed with 4406 or refused',
    expected: { closed: 4406 },
    run: (conversation) => conversation.ending(),
    // A server that accepts the upgrade must not pick a subprotocol nobody offered.
    holds: (got) => got.closed === 4406 || (got.refused >= 400 && got.refused < 500),
    protocols: [],
  },
];

let broken = 0;
await Promise.all(
  checks.map(async ({ check, expected, run, holds, protocols }) => {
    const conversation = new Conversation(protocols);
    const got = await run(conversation);
    conversation.socket.terminate();
    const ok = Boolean(holds(got));
    if (!ok) broken += 1;
    print({ check, ok, expected, got });
  }),
);
if (broken > 0) fail(`${broken} of ${checks.length} checks do not hold`);
process.exit(0);
