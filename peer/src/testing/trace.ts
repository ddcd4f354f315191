export interface TraceOptions {
  /** Lines to keep for reading: the newest so many, or every one. The hash always covers all. */
  readonly keep?: number | 'all'
}

/**
 * What happened in a world, a line each with its virtual time. Two runs of one seed give the same
 * trace, byte for byte; comparing `hash` compares all of it, also what is no longer kept.
 */
export class Trace {
  readonly #now: () => number
  readonly #keep: number
  #lines: string[] = []
  #count = 0
  #low = 0x811c9dc5
  #high = 0x9e3779b9

  /** @param now the virtual time that stands in front of each line, in milliseconds */
  constructor(now: () => number, options: TraceOptions = {}) {
    this.#now = now
    // 400 lines show the last moments of a small mesh and cost nothing to keep.
    this.#keep = options.keep === 'all' ? Number.POSITIVE_INFINITY : (options.keep ?? 400)
  }

  /** Adds one line. Its text must come from the run alone: no real time, no address, no pid. */
  line(text: string): void {
    const line = `${formatMs(this.#now())} ${text}`
    this.#count++
    this.#mix(line)
    this.#lines.push(line)
    // Cutting in halves keeps the cost of a line constant.
    if (this.#lines.length > 2 * this.#keep) this.#lines = this.#lines.slice(-this.#keep)
  }

  /** Lines ever added. */
  get count(): number {
    return this.#count
  }

  /** 16 hex digits over every line so far. */
  get hash(): string {
    return hex32(this.#high) + hex32(this.#low)
  }

  /** The newest lines that are kept, oldest first. */
  tail(lines = this.#keep): readonly string[] {
    return this.#lines.slice(-Math.min(lines, this.#keep))
  }

  /** All lines that are kept, as one text. Whole only with `keep: 'all'`. */
  get text(): string {
    return this.tail().join('\n')
  }

  /** FNV-1a in two lanes of 32 bits, over UTF-16 units: enough to notice, nothing to rely on. */
  #mix(line: string): void {
    let low = this.#low
    let high = this.#high
    for (let at = 0; at < line.length; at++) {
      const unit = line.charCodeAt(at)
      low = Math.imul(low ^ unit, 0x01000193)
      high = Math.imul(high ^ unit, 0x85ebca6b) ^ (low >>> 15)
    }
    this.#low = Math.imul(low ^ 0x0a, 0x01000193)
    this.#high = Math.imul(high ^ 0x0a, 0x85ebca6b)
  }
}

/** A short fingerprint of bytes for a trace line: 8 hex digits of FNV-1a. */
export function fingerprint(bytes: Uint8Array): string {
  let hash = 0x811c9dc5
  for (let at = 0; at < bytes.length; at++) {
    hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193)
  }
  return hex32(hash)
}

/** Virtual milliseconds as the trace prints them: microseconds are the clock's resolution. */
export function formatMs(ms: number): string {
  return ms.toFixed(3)
}

function hex32(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
