// Mercurius with jit and its own loaders.
import fastify from 'fastify'
import mercurius from 'mercurius'
import { callerOf } from './caller.mjs'
import { mercuriusLoaders, resolvers, typeDefs } from './schema.mjs'

export async function serve (options) {
  const app = fastify()
  app.register(mercurius, {
    schema: typeDefs,
    jit: 1,
    context: async request => ({ caller: await callerOf(name => request.headers[name], request.ip) }),
    ...options
  })
  await app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' })
}

if (process.argv[1] === import.meta.filename) await serve({ resolvers, loaders: mercuriusLoaders })
