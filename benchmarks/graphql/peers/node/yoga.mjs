// GraphQL Yoga with graphql-jit and the package dataloader.
import { createServer } from 'node:http'
import { useGraphQlJit } from '@envelop/graphql-jit'
import { createSchema, createYoga } from 'graphql-yoga'
import { callerOf } from './caller.mjs'
import { dataLoaders, typeDefs, withDataLoaders } from './schema.mjs'

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers: withDataLoaders }),
  graphiql: false,
  logging: false,
  plugins: [useGraphQlJit()],
  context: async ({ request, req }) => {
    const caller = await callerOf(name => request.headers.get(name), req.socket.remoteAddress)
    return { caller, loaders: dataLoaders(caller) }
  }
})

createServer(yoga).listen(Number(process.env.PORT), '127.0.0.1')
