/** `1,234,567` */
export function numberText(n: number): string {
  return String(n).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** `14.2 MiB`; plain below 1 KiB. */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  let value = bytes / 1024
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${value.toFixed(value < 100 ? 1 : 0)} ${units[unit]}`
}

const units = ['KiB', 'MiB', 'GiB', 'TiB']

/** `1 document`, `2 documents` */
export function countText(n: number, one: string, many = `${one}s`): string {
  return `${numberText(n)} ${n === 1 ? one : many}`
}

/** `3 min ago`; `in the future` where clocks have jumped. */
export function agoText(atMs: number, nowMs: number): string {
  const seconds = Math.floor((nowMs - atMs) / 1000)
  if (seconds < 0) return 'in the future'
  for (const [size, unit] of ages) {
    if (seconds >= size) return `${numberText(Math.floor(seconds / size))} ${unit} ago`
  }
  return 'now'
}

const ages = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
] as const

/** `████▌   `, as wide as asked, filled to a part of 1; the smallest part above 0 shows. */
export function barText(part: number, width: number): string {
  const eighths = Math.max(part > 0 ? 1 : 0, Math.round(Math.min(1, part) * width * 8))
  const full = '█'.repeat(eighths >> 3)
  const rest = eighths % 8 === 0 ? '' : (partialBlocks[eighths % 8] ?? '')
  return (full + rest).padEnd(width)
}

const partialBlocks = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']
