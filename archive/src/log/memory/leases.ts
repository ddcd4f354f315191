import type { LeaseChanges, StoredLease } from '../leases.js'
import type { Tables } from './tables.js'

export function storedLeases({ collections }: Tables): readonly StoredLease[] {
  return [...collections.values()].flatMap(({ leases }) => leases)
}

/** To be called when a group becomes durable. */
export function writeLeasesDown({ collections }: Tables, changes: LeaseChanges | undefined): void {
  for (const lease of changes?.ended ?? []) {
    const table = collections.get(lease.collection)
    if (table !== undefined) table.leases = table.leases.filter((one) => !isSame(one, lease))
  }
  for (const lease of changes?.changed ?? []) {
    const table = collections.get(lease.collection)
    // A collection without entries is not on the disk, and its leases are not either.
    if (table === undefined) continue
    table.leases = [...table.leases.filter((one) => !isSame(one, lease)), lease]
  }
}

type Named = Pick<StoredLease, 'replica' | 'instance'>

function isSame(a: Named, b: Named): boolean {
  return a.replica === b.replica && a.instance === b.instance
}
