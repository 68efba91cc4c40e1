// Runs every audit of graphql-http against one server. Reads {url, headers} as JSON from standard
// input and prints [{id, name, status, reason}]. The headers go along with each request: ours needs
// a session and the custom header, of which the audits know nothing.

import { text } from "node:stream/consumers";
import { auditServer } from "graphql-http";

const { url, headers } = JSON.parse(await text(process.stdin));

const fetchFn = (address, init = {}) =>
  fetch(address, { ...init, headers: { ...init.headers, ...headers } });

const results = await auditServer({ url, fetchFn });
const said = results.map(({ id, name, status, reason }) => ({ id, name, status, reason }));
process.stdout.write(JSON.stringify(said));
