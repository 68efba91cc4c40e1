// PostGraphile on the same tables, with row-level security (`../postgraphile.sql`).
import { createServer } from 'node:http'
import { createHash } from 'node:crypto'
import { postgraphile } from 'postgraphile'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { settings } from './ids.mjs'
import { pool, session, tokenOf, touch } from './caller.mjs'

const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ pool, schemas: ['public'] })],
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false },
  grafast: {
    explain: false,
    context: async ({ node }) => {
      const token = tokenOf(name => node.req.headers[name])
      const [caller] = await session([createHash('sha256').update(token).digest('hex')])
      if (caller.stale) await touch([caller.id])
      return {
        pgSettings: {
          role: settings.database.database + '_reader',
          'app.member': caller.member_id,
          'app.organization': caller.organization_id,
          'app.session': caller.id
        }
      }
    }
  }
}

const server = createServer()
await postgraphile(preset).createServ(grafserv).addTo(server)
server.listen(Number(process.env.PORT), '127.0.0.1')
