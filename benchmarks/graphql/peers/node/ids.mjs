// Global ids as Gatepost gives them out: two bytes for the type and 16 for the row, in base64url.
// The tags, in hexadecimal digits, come with the settings.
import { readFileSync } from 'node:fs'

export const settings = JSON.parse(readFileSync(process.env.BENCH_SETTINGS, 'utf8'))

export function globalId (type, uuid) {
  return Buffer.from(settings.tags[type] + uuid.replaceAll('-', ''), 'hex').toString('base64url')
}

export function rowId (type, text) {
  const raw = Buffer.from(text, 'base64url').toString('hex')
  if (!raw.startsWith(settings.tags[type]) || raw.length !== 36) throw new Error(`This is not the id of a ${type}.`)
  return raw.slice(4).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
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
