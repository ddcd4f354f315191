import {
  parseArchiveId,
  parseCollectionName,
  parseDocumentId,
  type ArchiveId,
  type CollectionName,
  type DocumentRef,
} from '@holdfast/peer/protocol'
import { LogError } from '../../log/errors.js'

export const manifestName = 'manifest.json'

/** What an exported folder holds. Written last: a folder without it is an export that was stopped. */
export interface Manifest {
  readonly archive: ArchiveId
  /** ISO 8601. */
  readonly exportedAt: string
  readonly documents: readonly ExportedDocument[]
}

export interface ExportedDocument {
  readonly collection: CollectionName
  readonly document: DocumentRef
  readonly deleted: boolean
  /** Seq up to which the archive's rows are in the files. */
  readonly through: number
  /** One Yjs update, V1: apply it to an empty Y.Doc. */
  readonly state: ExportedFile
  /** Updates that miss something that the archive never got, oldest first. */
  readonly parked: readonly ExportedFile[]
}

export interface ExportedFile {
  /** In the folder, with `/` between its parts. */
  readonly file: string
  readonly bytes: number
  readonly sha256: string
}

export function encodeManifest({ archive, exportedAt, documents }: Manifest): string {
  const flat = documents.map(({ document: { id, generation }, collection, ...rest }) => ({
    collection,
    document: id,
    generation,
    ...rest,
  }))
  const manifest = { format, version, encoding, archive, exportedAt, documents: flat }
  return `${JSON.stringify(manifest, undefined, 2)}\n`
}

/** Throws `unsupported-file`, saying what is wrong where: a manifest may have been edited by hand. */
export function parseManifest(text: string): Manifest {
  let input: unknown
  try {
    input = JSON.parse(text)
  } catch (cause) {
    throw new LogError('unsupported-file', `${manifestName} is not JSON`, { cause })
  }
  const manifest = fieldsOf(input, manifestName)
  if (manifest['format'] !== format) throw wrong(manifestName, `format is not ${format}`)
  if (manifest['version'] !== version) {
    throw wrong(
      manifestName,
      `version ${String(manifest['version'])}; this program reads ${version}`,
    )
  }
  if (manifest['encoding'] !== encoding) throw wrong(manifestName, `encoding is not ${encoding}`)
  const archive = parseArchiveId(manifest['archive'])
  if (!archive.ok) throw wrong(manifestName, archive.refusal.detail)
  const documents = listOf(manifest['documents'], 'documents').map((item, at) =>
    documentOf(item, `documents[${at}]`),
  )
  return { archive: archive.value, exportedAt: String(manifest['exportedAt']), documents }
}

const format = 'holdfast-export'
const version = 1
const encoding = 'yjs-update-v1'

function documentOf(input: unknown, where: string): ExportedDocument {
  const fields = fieldsOf(input, where)
  const collection = parseCollectionName(fields['collection'])
  if (!collection.ok) throw wrong(where, collection.refusal.detail)
  const id = parseDocumentId(fields['document'])
  if (!id.ok) throw wrong(where, id.refusal.detail)
  return {
    collection: collection.value,
    document: { id: id.value, generation: numberOf(fields['generation'], `${where}.generation`) },
    deleted: fields['deleted'] === true,
    through: numberOf(fields['through'], `${where}.through`),
    state: fileOf(fields['state'], `${where}.state`),
    parked: listOf(fields['parked'], `${where}.parked`).map((item, at) =>
      fileOf(item, `${where}.parked[${at}]`),
    ),
  }
}

function fileOf(input: unknown, where: string): ExportedFile {
  const { file, bytes, sha256 } = fieldsOf(input, where)
  // Never outside of the folder, whatever a manifest says.
  if (typeof file !== 'string' || !/^[a-z0-9][\w.-]*\/[a-z0-9][\w.-]*$/.test(file)) {
    throw wrong(where, 'file is not a name in the folder')
  }
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw wrong(where, 'sha256 is not 64 hex digits')
  }
  return { file, bytes: numberOf(bytes, `${where}.bytes`), sha256 }
}

function fieldsOf(input: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof input !== 'object' || input === null) throw wrong(where, 'not an object')
  return input as Readonly<Record<string, unknown>>
}

function listOf(input: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(input)) throw wrong(where, 'not a list')
  return input
}

function numberOf(input: unknown, where: string): number {
  if (typeof input === 'number' && Number.isSafeInteger(input) && input >= 0) return input
  throw wrong(where, 'not a whole number from 0')
}

function wrong(where: string, what: string): LogError {
  return new LogError('unsupported-file', `${where}: ${what}`)
}
