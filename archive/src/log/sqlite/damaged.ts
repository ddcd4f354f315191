/**
 * Something that is stored of a document is not as it was written. Whoever reads gets this, and no
 * bytes; the writer then takes out what is damaged, and the rest is read again.
 */
export class Damaged extends Error {
  /** `documents.id` */
  readonly document: number

  constructor(document: number, what: string) {
    super(`document ${document}: ${what}`)
    this.name = 'Damaged'
    this.document = document
  }
}
