// Who is calling and what they may do: one query for the session, one for the grants.
import { createHash } from 'node:crypto'
import { GraphQLError } from 'graphql'
import pg from 'pg'
import { settings } from './ids.mjs'

export const pool = new pg.Pool({ ...settings.database, max: 10, idleTimeoutMillis: 0 })

// Prepared once per connection, by name.
export const statement = (name, text) => async (values, on = pool) =>
  (await on.query({ name, text, values })).rows

export const session = statement('session', `
  SELECT s.id, s.organization_id, s.member_id, s.last_seen_at < now() - interval '1 minute' AS stale,
         m.name, m.email, o.access_revision
  FROM sessions s JOIN members m ON m.id = s.member_id JOIN organizations o ON o.id = s.organization_id
  WHERE s.token_hash = $1 AND s.ended_at IS NULL AND s.expires_at > now()
    AND s.last_seen_at > now() - interval '8 hours' AND m.status = 'active'`)

export const touch = statement('touch', 'UPDATE sessions SET last_seen_at = now() WHERE id = $1')

const grants = statement('grants', `
  SELECT r.builtin, r.permissions, a.scope_type, a.workspace_id, string_agg(a.scope_id::text, ',') AS scope_ids
  FROM assignments a JOIN roles r ON r.id = a.role_id
  WHERE a.organization_id = $1
    AND a.principal_id = ANY (ARRAY(SELECT $2::uuid UNION ALL SELECT group_id FROM group_members WHERE member_id = $2))
    AND (a.expires_at IS NULL OR a.expires_at > now())
  GROUP BY r.id, a.scope_type, a.workspace_id`)

const builtin = Object.fromEntries(
  Object.entries(settings.builtin).map(([role, permissions]) => [role, new Set(permissions)]))

class Access {
  constructor (rows) {
    this.everywhere = []
    this.workspaces = new Map()
    this.resources = new Map()
    for (const row of rows) {
      const held = row.builtin ? builtin[row.builtin] : new Set(row.permissions)
      if (row.scope_type === 'organization') this.everywhere.push(held)
      else if (row.scope_type === 'workspace') add(this.workspaces, row.workspace_id, held)
      else for (const id of row.scope_ids.split(',')) add(this.resources, id, { held, workspace: row.workspace_id })
    }
  }

  holds (permission, workspace, resource) {
    if (this.everywhere.some(held => held.has(permission))) return true
    if (this.workspaces.get(workspace)?.some(held => held.has(permission))) return true
    return this.resources.get(resource)?.some(({ held }) => held.has(permission)) ?? false
  }

  enters (workspace) {
    if (this.everywhere.length || this.workspaces.has(workspace)) return true
    for (const found of this.resources.values()) if (found.some(grant => grant.workspace === workspace)) return true
    return false
  }

  // The resources of a workspace at which one of the permissions is held; null for all of them.
  visible (permissions, workspace) {
    if (permissions.some(permission => this.holds(permission, workspace))) return null
    const ids = []
    for (const [id, found] of this.resources) {
      if (found.some(grant => grant.workspace === workspace && permissions.some(p => grant.held.has(p)))) ids.push(id)
    }
    return ids
  }
}

function add (map, key, value) {
  const found = map.get(key)
  if (found) found.push(value)
  else map.set(key, [value])
}

export async function accessOf (caller, on) {
  return new Access(await grants([caller.organization_id, caller.member_id], on))
}

// With ACCESS_CACHE, compiled access is kept per access revision, as Gatepost keeps it.
const cached = process.env.ACCESS_CACHE ? new Map() : null

async function cachedAccessOf (caller) {
  if (!cached) return accessOf(caller)
  const found = cached.get(caller.member_id)
  if (found && found.revision === caller.access_revision) return found.access
  const access = await accessOf(caller)
  cached.set(caller.member_id, { revision: caller.access_revision, access })
  return access
}

const COOKIE = /(?:^|;\s*)__Host-gatepost_session=([^;]+)/

export const refused = (code, message) => new GraphQLError(message, { extensions: { code } })

// The token of the session that a request came with.
export function tokenOf (header) {
  const token = COOKIE.exec(header('cookie') ?? '')?.[1]
  if (!token || !header('x-gatepost-client')) throw refused('UNAUTHENTICATED', 'Sign in.')
  return token
}

// What a request is answered for. `header` reads one of its headers.
export async function callerOf (header, ip) {
  const token = tokenOf(header)
  const [caller] = await session([createHash('sha256').update(token).digest('hex')])
  if (!caller) throw refused('UNAUTHENTICATED', 'Sign in.')
  if (caller.stale) await touch([caller.id])
  caller.access = await cachedAccessOf(caller)
  caller.userAgent = header('user-agent') ?? null
  caller.ip = ip
  return caller
}

export function need (caller, permission, workspace, resource) {
  if (!caller.access.holds(permission, workspace, resource)) throw denied(permission)
}

export const denied = permission => refused('FORBIDDEN', `You lack ${permission} here.`)
