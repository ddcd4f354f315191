/** The page keeps itself, as the store keeps what is written: it opens where no server answers. */
export function keepThePage(): void {
  // Vite's own server has no files to keep.
  if (import.meta.env.MODE === 'development' || !('serviceWorker' in navigator)) return
  navigator.serviceWorker.register('./keep-page.js').catch((error: unknown) => {
    console.info('this page will not open without its server', error)
  })
}
