/** How the log's figures are written. */
export function perSecond(rate: number): string {
  return `${Math.round(rate).toLocaleString('en')}/s`
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
