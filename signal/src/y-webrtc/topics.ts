/**
 * Who has subscribed to which topic. A topic lives as long as somebody is subscribed to it, so
 * what is kept is bounded by who is there and by the topics that each may have.
 */
export class Topics<Subscriber> {
  readonly #subscribersByTopic = new Map<string, Set<Subscriber>>()

  get size(): number {
    return this.#subscribersByTopic.size
  }

  subscribers(topic: string): ReadonlySet<Subscriber> | undefined {
    return this.#subscribersByTopic.get(topic)
  }

  add(topic: string, subscriber: Subscriber): void {
    const subscribers = this.#subscribersByTopic.get(topic) ?? new Set()
    this.#subscribersByTopic.set(topic, subscribers.add(subscriber))
  }

  remove(topic: string, subscriber: Subscriber): void {
    const subscribers = this.#subscribersByTopic.get(topic)
    subscribers?.delete(subscriber)
    if (subscribers?.size === 0) this.#subscribersByTopic.delete(topic)
  }
}
