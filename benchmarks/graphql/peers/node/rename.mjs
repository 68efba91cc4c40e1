// The statements of Gatepost's own write: lock, decide, lock the row, update, audit, in one transaction.
import { accessOf, need, pool, refused, statement } from './caller.mjs'
import { newId, rowId } from './ids.mjs'

const lock = statement('lock', 'SELECT access_revision, plan FROM organizations WHERE id = $1 FOR SHARE')
const campaign = statement('campaign', `
  SELECT c.id, c.workspace_id, c.name, c.status, c.version
  FROM campaigns c JOIN workspaces w ON w.id = c.workspace_id
  WHERE c.id = $1 AND w.organization_id = $2 FOR UPDATE OF c`)
const update = statement('update', 'UPDATE campaigns SET name = $2, version = version + 1, updated_at = now() WHERE id = $1')
const audit = statement('audit', `
  INSERT INTO audit_events (id, created_at, organization_id, workspace_id, actor_type, actor_id, actor_name, via, via_id,
    action, target_type, target_id, target_name, outcome, diff, request_id, operation, ip, user_agent)
  VALUES ($1, now(), $2, $3, 'member', $4, $5, 'session', $6,
    'campaign.update', 'campaign', $7, $8, 'success', $9, $10, $11, $12, $13)`)

export async function updateCampaign (_, { input }, { caller }, info) {
  const id = rowId('Campaign', input.campaignId)
  const connection = await pool.connect()
  try {
    await connection.query('BEGIN')
    const changed = await renamed(connection, caller, id, input, info)
    await connection.query('COMMIT')
    return { campaign: changed }
  } catch (error) {
    await connection.query('ROLLBACK')
    throw error
  } finally {
    connection.release()
  }
}

async function renamed (connection, caller, id, input, info) {
  const [organization] = await lock([caller.organization_id], connection)
  if (organization.access_revision !== caller.access_revision) caller.access = await accessOf(caller, connection)
  const [found] = await campaign([id, caller.organization_id], connection)
  if (!found) throw refused('NOT_FOUND', 'There is no such campaign.')
  need(caller, 'campaigns:draft', found.workspace_id, id)
  if (found.version !== input.expectedVersion) throw refused('CONFLICT', 'It was changed meanwhile.')
  if (found.status !== 'draft') throw refused('CONFLICT', 'It can no longer be edited.')
  const name = input.name.trim()
  await update([id, name], connection)
  const diff = JSON.stringify([{ path: 'name', before: found.name, after: name }])
  await audit([newId(), caller.organization_id, found.workspace_id, caller.member_id, caller.name, caller.id,
    id, name, diff, newId().replaceAll('-', ''), info.operation.name?.value ?? null, caller.ip, caller.userAgent], connection)
  return { id, name, version: found.version + 1 }
}
