/** Prepared statements by their text, the least lately used dropped first: a store has some dozens. */
export class StatementCache<Prepared> {
  readonly #prepare: (sql: string) => Prepared
  readonly #drop: (statement: Prepared) => void
  /** In the order of their last use. */
  readonly #statements = new Map<string, Prepared>()

  constructor(prepare: (sql: string) => Prepared, drop: (statement: Prepared) => void = () => {}) {
    this.#prepare = prepare
    this.#drop = drop
  }

  get(sql: string): Prepared {
    const statement = this.#statements.get(sql) ?? this.#prepare(sql)
    this.#statements.delete(sql)
    this.#statements.set(sql, statement)
    const [oldest] = this.#statements
    if (this.#statements.size > maxStatements && oldest !== undefined) {
      this.#statements.delete(oldest[0])
      this.#drop(oldest[1])
    }
    return statement
  }

  clear(): void {
    for (const statement of this.#statements.values()) this.#drop(statement)
    this.#statements.clear()
  }
}

const maxStatements = 100
