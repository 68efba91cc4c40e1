// Follows what it is told to on real clients. Reads one command a line as JSON from standard input,
// and prints one line for each thing that happens, with the id of the client or the operation:
//
//   {connect, kind, url, headers}   kind is "ws", "sse" or "sse-single"; the connection is lazy
//   {subscribe, on, query, variables}
//   {stop}                          an operation
//   {leave}                         a client
//
//   {id, next} {id, complete} {id, error} {connected} {closed, code, reason}

import { createInterface } from "node:readline";
import { createClient as overEvents } from "graphql-sse";
import { createClient as overWebSocket } from "graphql-ws";
import { WebSocket } from "ws";

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

const clients = new Map();
const operations = new Map();

const connect = {
  ws: (name, url, headers) =>
    overWebSocket({
      url: url.replace("http", "ws"),
      retryAttempts: 0,
      webSocketImpl: class extends WebSocket {
        constructor(address, protocols) {
          super(address, protocols, { headers });
        }
      },
      on: {
        connected: () => say({ connected: name }),
        closed: ({ code, reason }) => say({ closed: name, code, reason }),
      },
    }),
  sse: (name, url, headers) => overEvents({ url, headers, retryAttempts: 0 }),
  "sse-single": (name, url, headers) =>
    overEvents({ url, headers: { ...headers }, retryAttempts: 0, singleConnection: true }),
};

// A close event, a failed response, an error, or a list of GraphQL errors.
const described = (error) => {
  if (Array.isArray(error)) return { errors: error };
  const { code, reason, message, response } = error;
  return { code, reason, message: String(message ?? error), status: response?.status };
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.connect) {
    const { connect: name, kind, url, headers } = command;
    clients.set(name, connect[kind](name, url, headers));
  } else if (command.subscribe) {
    const { subscribe: id, on, query, variables } = command;
    const sink = {
      next: (next) => say({ id, next }),
      complete: () => say({ id, complete: true }),
      error: (error) => say({ id, error: described(error) }),
    };
    operations.set(id, clients.get(on).subscribe({ query, variables }, sink));
  } else if (command.stop) {
    operations.get(command.stop)();
  } else if (command.leave) {
    clients.get(command.leave).dispose();
  }
}
process.exit(0);
