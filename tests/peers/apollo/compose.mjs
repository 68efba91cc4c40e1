// Composes subgraphs as a router's build does. Reads [{name, sdl}] as JSON from standard input and
// prints {errors, supergraph, api}: the supergraph SDL for the router, and the schema for clients.

import { text } from "node:stream/consumers";
import { composeServices } from "@apollo/composition";
import { parse, printSchema } from "graphql";

const subgraphs = JSON.parse(await text(process.stdin));
const result = composeServices(
  subgraphs.map(({ name, sdl }) => ({ name, url: `http://${name}.test`, typeDefs: parse(sdl) })),
);
process.stdout.write(
  JSON.stringify({
    errors: (result.errors ?? []).map(({ message }) => message),
    supergraph: result.supergraphSdl ?? null,
    api: result.schema ? printSchema(result.schema.toAPISchema().toGraphQLJSSchema()) : null,
  }),
);
