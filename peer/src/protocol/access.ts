/** What a token gives its bearer in a collection. Each includes the ones before it. */
export type Access = 'read' | 'write' | 'admin'

export const accessLevels: readonly Access[] = ['read', 'write', 'admin']

export function isAccess(input: unknown): input is Access {
  return input === 'read' || input === 'write' || input === 'admin'
}

export function canWrite(access: Access): boolean {
  return access !== 'read'
}
