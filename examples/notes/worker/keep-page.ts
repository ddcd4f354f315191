/** Answers for the page's own files: from the server where that is there, else from what was kept. */
declare const self: ServiceWorkerGlobalScope

const cacheName = 'holdfast-notes'

self.addEventListener('install', (event) => event.waitUntil(keepAll()))
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))
self.addEventListener('fetch', (event) => {
  const { method, url } = event.request
  const { scope } = self.registration
  // What is asked of the server as a program is not the page's.
  const isOurs = url.startsWith(scope) && !url.startsWith(`${scope}demo/`)
  if (method === 'GET' && isOurs) event.respondWith(answer(event.request))
})

async function keepAll(): Promise<void> {
  const listed = await fetch('./files.json', { cache: 'no-cache' })
  const files = (await listed.json()) as readonly string[]
  const cache = await caches.open(cacheName)
  await cache.addAll(['./', ...files.map((file) => `./${file}`)])
  await self.skipWaiting()
}

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(cacheName)
  try {
    const response = await fetch(request)
    if (response.ok) await cache.put(request, response.clone())
    return response
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true })
    if (kept !== undefined) return kept
    throw error
  }
}

export {}
