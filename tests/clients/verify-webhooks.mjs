// Verifies signed webhook requests with the official library, and that none with one bit changed passes.
//
//   node verify-webhooks.mjs requests.jsonl
//
// Each line of the file: {"secrets": [...], "id", "timestamp", "body", "signature"}. The library looks at the
// wall clock, so the clock is set to the time of each request.

import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const now = Date.now;
const counts = { requests: 0, verified: 0, failed: 0, mutationsRefused: 0, mutationsTaken: 0 };

function passes(secret, body, headers) {
  try {
    new Webhook(secret).verify(body, headers, { jsonParse: false });
    return true;
  } catch {
    return false;
  }
}

for (const line of readFileSync(process.argv[2], "utf8").split("\n")) {
  const { secrets, id, timestamp, body, signature } = JSON.parse(line);
  counts.requests += 1;
  Date.now = () => timestamp * 1000;
  const headers = {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": signature,
  };
  for (const secret of secrets) {
    counts[passes(secret, body, headers) ? "verified" : "failed"] += 1;
    const bytes = Buffer.from(body + " ");
    const bit = (counts.requests * 7919) % (bytes.length * 8);
    bytes[bit >> 3] ^= 1 << (bit & 7);
    const taken = passes(secret, bytes.toString("latin1"), headers);
    counts[taken ? "mutationsTaken" : "mutationsRefused"] += 1;
  }
}
Date.now = now;
console.log(JSON.stringify(counts));
