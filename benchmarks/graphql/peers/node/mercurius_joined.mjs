// Mercurius with jit and, by hand, the SQL that Gatepost's engine writes: to-one relations joined, the
// children of a level in one statement.
import { need, denied, statement } from './caller.mjs'
import { serve } from './mercurius.mjs'
import { members, page, resolvers, SEEN, batches, typeDefs } from './schema.mjs'

const JOINED = `
  SELECT c.id, c.workspace_id, c.name, upper(c.status) AS status, c.version, c.subject, c.delivered, c.opened, c.clicked,
         l.id AS list_id, l.workspace_id AS list_workspace_id, l.name AS list_name, o.id AS owner_id, o.name AS owner_name
  FROM (SELECT * FROM campaigns WHERE workspace_id = $1 CONDITION ORDER BY id DESC LIMIT $2) c
  LEFT JOIN mailing_lists l ON l.id = c.mailing_list_id LEFT JOIN members o ON o.id = c.owner_id
  ORDER BY c.id DESC`
const allCampaigns = statement('all_joined', JOINED.replace('CONDITION', ''))
const someCampaigns = statement('some_joined', JOINED.replace('CONDITION', 'AND id = ANY ($3::uuid[])'))

async function campaigns (workspace, { first }, { caller }) {
  const visible = caller.access.visible(SEEN, workspace.id)
  const values = [workspace.id, first + 1]
  return page(visible ? await someCampaigns([...values, visible]) : await allCampaigns(values), first)
}

async function membersWithAssignments (organization, args, context) {
  const found = await members(organization, args, context)
  const assignments = await batches.assignments(found.nodes.map(member => member.id), context.caller)
  found.nodes.forEach((member, n) => { member.assignments = assignments[n] })
  return found
}

await serve({
  schema: typeDefs,
  resolvers: {
    ...resolvers,
    Organization: { members: membersWithAssignments },
    Workspace: { ...resolvers.Workspace, campaigns },
    Campaign: {
      ...resolvers.Campaign,
      owner: row => row.owner_id && { id: row.owner_id, name: row.owner_name },
      mailingList: (row, _, { caller }) => {
        if (!caller.access.holds('campaigns:read', row.workspace_id, row.id)) throw denied('campaigns:read')
        return row.list_id && { id: row.list_id, workspace_id: row.list_workspace_id, name: row.list_name }
      }
    },
    Member: {
      ...resolvers.Member,
      assignments: (member, _, { caller }) => { need(caller, 'members:read'); return member.assignments }
    }
  }
})
