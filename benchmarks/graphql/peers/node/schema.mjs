// The part of Gatepost's schema that the operations ask for, with one statement a field and loaders.
import { readFileSync } from 'node:fs'
import DataLoader from 'dataloader'
import { denied, need, refused, statement } from './caller.mjs'
import { cursorOf, globalId, rowId } from './ids.mjs'
import { updateCampaign } from './rename.mjs'

export const typeDefs = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')

export const SEEN = ['campaigns:read', 'campaigns:results']
const COLUMNS = 'id, workspace_id, name, upper(status) AS status, version, subject, delivered, opened, clicked, mailing_list_id, owner_id'

const workspaceRow = statement('workspace', 'SELECT id, name FROM workspaces WHERE id = $1 AND organization_id = $2')
const allCampaigns = statement('all_campaigns',
  `SELECT ${COLUMNS} FROM campaigns WHERE workspace_id = $1 ORDER BY id DESC LIMIT $2`)
const someCampaigns = statement('some_campaigns',
  `SELECT ${COLUMNS} FROM campaigns WHERE workspace_id = $1 AND id = ANY ($3::uuid[]) ORDER BY id DESC LIMIT $2`)
const listRows = statement('lists', 'SELECT id, workspace_id, name FROM mailing_lists WHERE id = ANY ($1::uuid[])')
const memberRows = statement('members', 'SELECT id, name FROM members WHERE id = ANY ($1::uuid[])')
const memberPage = statement('member_page',
  'SELECT id, name FROM members WHERE organization_id = $1 ORDER BY id DESC LIMIT $2')
const assignmentRows = statement('assignments', `
  SELECT id, principal_id, upper(scope_type) AS scope_type, reason FROM assignments
  WHERE organization_id = $1 AND principal_id = ANY ($2::uuid[]) ORDER BY id`)

export function page (rows, first) {
  const nodes = rows.slice(0, first)
  return { nodes, pageInfo: { hasNextPage: rows.length > first, endCursor: nodes.length ? cursorOf(nodes.at(-1).id) : null } }
}

export async function workspace (_, { id }, { caller }) {
  const uuid = rowId('Workspace', id)
  const [found] = await workspaceRow([uuid, caller.organization_id])
  if (!found || !caller.access.enters(uuid)) throw refused('NOT_FOUND', 'There is no such workspace.')
  return found
}

export async function members (_, { first }, { caller }) {
  need(caller, 'members:read')
  return page(await memberPage([caller.organization_id, first + 1]), first)
}

async function campaigns (workspace, { first }, { caller }) {
  const visible = caller.access.visible(SEEN, workspace.id)
  const values = [workspace.id, first + 1]
  const rows = visible ? await someCampaigns([...values, visible]) : await allCampaigns(values)
  return page(rows, first)
}

const inOrder = (rows, ids) => {
  const byId = new Map(rows.map(row => [row.id, row]))
  return ids.map(id => byId.get(id) ?? null)
}
export const batches = {
  lists: async ids => inOrder(await listRows([[...new Set(ids)]]), ids),
  members: async ids => inOrder(await memberRows([[...new Set(ids)]]), ids),
  assignments: async (ids, caller) => {
    const byMember = new Map(ids.map(id => [id, []]))
    for (const row of await assignmentRows([caller.organization_id, ids])) byMember.get(row.principal_id).push(row)
    return ids.map(id => byMember.get(id))
  }
}

const idOf = type => row => globalId(type, row.id)

// What every contender shares; the fields that need another row are added to it.
export const resolvers = {
  Query: { viewer: (_, __, { caller }) => caller, workspace, organization: () => ({}) },
  Mutation: { updateCampaign },
  Organization: { members },
  Workspace: { id: idOf('Workspace'), campaigns },
  Member: { id: idOf('Member') },
  MailingList: {
    id: idOf('MailingList'),
    name: (list, _, { caller }) => { need(caller, 'lists:read', list.workspace_id, list.id); return list.name }
  },
  Assignment: { id: idOf('Assignment'), scopeType: row => row.scope_type },
  Campaign: {
    id: idOf('Campaign'),
    subject: (row, _, { caller }) => { need(caller, 'campaigns:read', row.workspace_id, row.id); return row.subject },
    results: (row, _, { caller }) => { need(caller, 'campaigns:results', row.workspace_id, row.id); return row }
  }
}

// The same with the package `dataloader`, for servers without loaders of their own.
export const withDataLoaders = {
  ...resolvers,
  Member: { ...resolvers.Member, assignments: (member, _, { caller, loaders }) => { need(caller, 'members:read'); return loaders.assignments.load(member.id) } },
  Campaign: {
    ...resolvers.Campaign,
    owner: (row, _, { loaders }) => row.owner_id && loaders.members.load(row.owner_id),
    mailingList: (row, _, { caller, loaders }) => {
      need(caller, 'campaigns:read', row.workspace_id, row.id)
      return row.mailing_list_id && loaders.lists.load(row.mailing_list_id)
    }
  }
}

export const dataLoaders = caller => Object.fromEntries(
  Object.entries(batches).map(([name, load]) => [name, new DataLoader(ids => load(ids, caller))]))

// The same as Mercurius' loaders: one call for all rows of a level, a refusal for each that is denied.
const uncached = loader => ({ loader, opts: { cache: false } })
const filled = async (asked, column, load) => {
  const ids = asked.map(({ obj }) => obj[column]).filter(Boolean)
  const rows = new Map(ids.length ? (await load(ids)).filter(Boolean).map(row => [row.id, row]) : [])
  return asked.map(({ obj }) => rows.get(obj[column]) ?? null)
}
export const mercuriusLoaders = {
  Member: {
    assignments: uncached(async (asked, { caller }) => {
      need(caller, 'members:read')
      return batches.assignments(asked.map(({ obj }) => obj.id), caller)
    })
  },
  Campaign: {
    owner: uncached(asked => filled(asked, 'owner_id', batches.members)),
    mailingList: uncached(async (asked, { caller }) => {
      const allowed = asked.map(({ obj }) => caller.access.holds('campaigns:read', obj.workspace_id, obj.id))
      const lists = await filled(asked.filter((_, n) => allowed[n]), 'mailing_list_id', batches.lists)
      return allowed.map(yes => yes ? lists.shift() : Promise.reject(denied('campaigns:read')))
    })
  }
}
