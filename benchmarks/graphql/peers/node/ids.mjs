// Global ids as Gatepost gives them out: the tag of the type and the row, in unpadded base64url.
// The tags come with the settings, so that they are written down once (`benchmarks/graphql/ids.py`).
import { readFileSync } from 'node:fs'

export const settings = JSON.parse(readFileSync(process.env.BENCH_SETTINGS, 'utf8'))

export function globalId (type, uuid) {
  return Buffer.from(settings.tags[type] + uuid.replaceAll('-', ''), settings.tagged).toString('base64url')
}

export function rowId (type, text) {
  const raw = Buffer.from(text, 'base64url').toString(settings.tagged)
  const tag = settings.tags[type]
  if (!raw.startsWith(tag) || raw.length !== tag.length + 32) throw new Error(`This is not the id of a ${type}.`)
  return raw.slice(tag.length).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export function cursorOf (uuid) {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url')
}

// RFC 9562, version 7: ids are time-sortable.
export function newId () {
  const random = crypto.randomUUID()
  const time = Date.now().toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`
}
